"""What this implementation raises."""

from __future__ import annotations


class Refused(Exception):
    """Something is refused, under the name that the texts give to it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def need(condition: object, name: str) -> None:
    """Refuse under this name unless the condition holds."""
    if not condition:
        raise Refused(name)
