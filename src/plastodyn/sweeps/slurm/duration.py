"""Time limits as SLURM writes them."""

import re

from plastodyn import checks

_FORMS = "minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM or D-HH:MM:SS, above 0"
_PATTERN = re.compile(r"(?:(?P<days>\d{1,6})-)?(?P<first>\d{1,8})(?::(?P<second>\d{1,8}))?(?::(?P<third>\d{1,8}))?", re.ASCII)


def seconds(text: str) -> int:
    """A time limit in seconds.

    Args:
        text: minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM or D-HH:MM:SS.

    Returns:
        Seconds.

    Raises:
        ValueError: if it has another form, or is no time at all: to SLURM, 0 is no limit.

    Source: this project.

    >>> [seconds(text) for text in ("90", "90:30", "2:00:00", "1-12", "1-12:30", "1-12:30:15")]
    [5400, 5430, 7200, 129600, 131400, 131415]
    """
    found = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        checks.refuse("time", text, _FORMS)
    given = [int(part) for part in found.group("first", "second", "third") if part is not None]
    if found["days"] is not None:
        hours, minutes, rest = [*given, 0, 0][:3]
    elif len(given) == 3:
        hours, minutes, rest = given
    else:
        hours, (minutes, rest) = 0, [*given, 0][:2]
    total = ((int(found["days"] or 0) * 24 + hours) * 60 + minutes) * 60 + rest
    if total == 0:
        checks.refuse("time", text, _FORMS)
    return total
