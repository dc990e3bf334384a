"""Times as people read them: those of the place where the command runs."""

from __future__ import annotations

from datetime import UTC, datetime

LATEST = datetime(9999, 12, 30, tzinfo=UTC)
"""What a later time is shown as: a day before the last one there is a date in every zone."""


def day(time: datetime) -> str:
    """`2027-03-01`."""
    return _local(time).strftime("%Y-%m-%d")


def clock(time: datetime) -> str:
    """`14:02`."""
    return _local(time).strftime("%H:%M")


def second(time: datetime) -> str:
    """`14:02:11`."""
    return _local(time).strftime("%H:%M:%S")


def whole(time: datetime) -> str:
    """`2027-03-01 14:02 -03`, with the zone."""
    return _local(time).strftime("%Y-%m-%d %H:%M %Z")


def _local(time: datetime) -> datetime:
    """The time here; somebody's clock may be at the end of all dates."""
    return min(time, LATEST).astimezone()
