"""What all values of the node are: structs that ignore what they do not know and show no secret."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value that the node gave.

    Keys that a newer node adds are ignored, and its words that this version does not know stay as they are. Its repr
    leaves out texts, recovery words and other secrets, so that it may be logged.
    """

    _hidden: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={self._shown(name)}" for name in self.__struct_fields__)
        return f"{type(self).__name__}({fields})"

    def _shown(self, name: str) -> str:
        value = getattr(self, name)
        return "…" if name in self._hidden and value is not None else repr(value)
