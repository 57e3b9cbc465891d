"""What became of each member of a sweep, a point of its axes: two variables over the axes, stored beside the results."""

from typing import NamedTuple

import numpy as np

STATUS, ERROR = "member_status", "member_error"
MISSING, DONE, FAILED, DIVERGED, KILLED = range(5)
KINDS = ("not computed", "done", "failed", "diverged", "killed its worker")
"""The meaning of each status."""
FINAL = (DONE, DIVERGED)
"""Not tried again: a member that diverged would diverge again."""
DIVERGENCE = "diverged"
"""How an experiment begins the error of a member that diverged."""


class Failed(NamedTuple):
    """Members of one chunk that failed: how many, the first of them by its place on the axes, and its error."""

    number: int
    place: tuple[int, ...]
    line: str
    full: str


def status_of(errors: np.ndarray) -> np.ndarray:
    """The status of members by what their experiment says of them: nothing, that they diverged, or another error.

    >>> status_of(np.array(["", "diverged: after 3 steps", "no root"], dtype=object)).tolist()
    [1, 3, 2]
    """
    flat = [DONE if not text else DIVERGED if text.startswith(DIVERGENCE) else FAILED for text in map(str, errors.flat)]
    return np.array(flat, np.int8).reshape(errors.shape)


def line_of(error: BaseException) -> str:
    r"""An error in one line.

    >>> line_of(ArithmeticError("no value\nfor this"))
    'ArithmeticError: no value'
    """
    try:
        text = str(error).strip()
    except Exception:  # An error of a user's own may fail to say what it is.
        text = ""
    return printable(f"{type(error).__name__}: {(text or 'no message').splitlines()[0]}")


def printable(text: str) -> str:
    r"""A text that any file and any terminal takes: what cannot be printed stands as its escape.

    >>> printable("caf\udce9 \x1b[2J"), printable("ä")
    ('caf\\udce9 \\x1b[2J', 'ä')
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
