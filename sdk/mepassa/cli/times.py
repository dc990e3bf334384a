"""Times as people read them: those of the place where the command runs."""

from __future__ import annotations

from datetime import datetime


def day(time: datetime) -> str:
    """`2027-03-01`."""
    return time.astimezone().strftime("%Y-%m-%d")


def clock(time: datetime) -> str:
    """`14:02`."""
    return time.astimezone().strftime("%H:%M")


def second(time: datetime) -> str:
    """`14:02:11`."""
    return time.astimezone().strftime("%H:%M:%S")


def whole(time: datetime) -> str:
    """`2027-03-01 14:02 -03`, with the zone."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M %Z")
