"""Which axes `plastodyn.simulate` carries at once, and how many of their points a call computes."""

from plastodyn.experiments import words
from plastodyn.experiments.axes import Seeds, Zipped
from plastodyn.experiments.document import Document
from plastodyn.experiments.words import Word

_MEMBERS = 64
"""Members of a call, unless the document says more: enough to fill a core, few enough to leave work for others."""
_SECTIONS = ("rule", "fluctuation", "analysis")


def can_be_carried(document: Document, axis: str) -> bool:
    """Whether an axis may stand in a rule as one: numbers that are used in arguments of rules and fluctuations, and analysis.

    Args:
        document: of an experiment.
        axis: a name.

    Source: this project.

    >>> from plastodyn.experiments.document import from_json
    >>> rule = {"name": "gradient", "rate": "= ratio"}
    >>> content = {"circuit": {"name": "tracking"}, "rule": rule, "run": {"steps": 2}, "axes": {"ratio": [1, 2], "n": [1]}}
    >>> [can_be_carried(from_json(content), name) for name in ("ratio", "n")]
    [True, False]
    """
    form, found = document.axes[axis], words.uses(document).get(axis, [])
    if isinstance(form, Seeds | Zipped) or (isinstance(form, list) and isinstance(form[0], str)):
        return False
    moving = [word for word in found if word.section != "analysis"]
    return bool(moving) and all(_is_plain(document, axis, word) for word in moving)


def carried(document: Document) -> list[str]:
    """The axes that are put as such, in a document that says how many points of each axis a call computes.

    Args:
        document: resolved: see `resolved`.

    Source: this project.
    """
    # In the order of the axes: that of the batch may be lost on the way through JSON.
    return [name for name in document.axes if document.run.batch.get(name, 1) > 1 and can_be_carried(document, name)]


def resolved(document: Document, refused: frozenset[str] = frozenset()) -> Document:
    """The document with the points of every axis that a call computes: what is not said, chosen.

    Args:
        document: of an experiment.
        refused: axes that a component does not take as such.

    Returns:
        Axes that can be carried come whole, the last first, or in parts, so that a call has at most 64 members; others point by
        point.

    Source: this project.
    """
    batch: dict[str, int] = {}
    members = document.run.replicas
    if document.experiment is None:
        for name, points in document.points().items():
            if name in document.run.batch:
                members *= min(document.run.batch[name], len(points))
    for name, points in reversed(document.points().items()):
        size = document.run.batch.get(name, 1)
        if name not in document.run.batch and document.experiment is None and name not in refused:
            size = max(1, _MEMBERS // members) if can_be_carried(document, name) else 1
            size = min(size, len(points))
            members *= size
        batch[name] = min(size, len(points))
    ordered = {name: batch[name] for name in document.axes}
    return document.model_copy(update={"run": document.run.model_copy(update={"batch": ordered})})


def _is_plain(document: Document, axis: str, word: Word) -> bool:
    """Whether a use is in an argument of a rule or fluctuation itself, which takes axes as the library's do."""
    if word.section not in _SECTIONS or word.nested or len(word.path) != 3:  # kind, place, argument
        return False
    return not word.users or axis in document.run.batch
