"""What the classes of methods are made of."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Protocol, TypeVar

T = TypeVar("T")


class Call(Protocol):
    """Carries out a call and gives its result as a `kind`."""

    def __call__(self, method: str, kind: type[T], params: Mapping[str, object], /) -> Awaitable[T]:
        """Raises what calls may raise: `MepassaError`."""
        ...


class Noun:
    """The methods of one noun."""

    def __init__(self, call: Call) -> None:
        self._call = call
