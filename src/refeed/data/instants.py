"""Points in time in words."""

from __future__ import annotations

import math
from datetime import UTC, datetime

EXPECTED = "a date such as 2005-12-01 or 2005-12-01T18:30:00Z, or whole seconds since 1970"


def seconds_of(text: str) -> int | None:
    """The first whole second since 1970 UTC not before the time `text`, which is in UTC unless it says so; None: no time."""
    if text.lstrip("-").isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return math.ceil((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
