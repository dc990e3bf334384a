"""What all errors are: a stable code, and a sentence that a person can act on."""

from __future__ import annotations

from typing import ClassVar


class MepassaError(Exception):
    """Something went wrong in mepassad."""

    code: ClassVar[int] = 1

    def __init__(self, sentence: str | None = None, **data: object) -> None:
        """`sentence` replaces the docstring's; `data` are machine-readable facts, never secrets or plaintext."""
        self.sentence = sentence or (type(self).__doc__ or "").strip().split("\n")[0]
        self.data = data
        super().__init__(self.sentence)

    @property
    def name(self) -> str:
        """The error's stable name, as clients see it in `data.name`."""
        return type(self).__name__
