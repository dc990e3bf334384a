"""What a function asks for: its parameters, with annotations read however they were written."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from mepassa.bot.errors import InvalidBot

Function = Callable[..., Any]


@dataclass(frozen=True)
class Parameter:
    """One parameter. `type` is what its annotation says, None where it has none or one that cannot be read."""

    name: str
    type: Any
    default: Any
    many: bool
    named_only: bool

    @property
    def required(self) -> bool:
        """Whether the function cannot do without it."""
        return not self.many and self.default is inspect.Parameter.empty


def parameters(function: Function) -> list[Parameter]:
    """What the function asks for, in order. Raises `InvalidBot` for what cannot be given by name."""
    found = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise InvalidBot(f"`{name_of(function)}` has the parameter `{parameter}`; a bot gives parameters by name.")
        found.append(
            Parameter(
                name=parameter.name,
                type=_type(function, parameter.annotation),
                default=parameter.default,
                many=parameter.kind is parameter.VAR_POSITIONAL,
                named_only=parameter.kind is parameter.KEYWORD_ONLY,
            )
        )
    return found


def name_of(function: Function) -> str:
    """How a sentence names the function."""
    return getattr(function, "__name__", repr(function))


def must_be_async(function: Function, what: str) -> None:
    """Raise `InvalidBot` unless the function is made with `async def`."""
    if not inspect.iscoroutinefunction(function):
        raise InvalidBot(f"The {what} `{name_of(function)}` must be made with `async def`.")


def _type(function: Function, annotation: Any) -> Any:
    """`int` of `int`, of `"int"` and of `int | None`."""
    if annotation is inspect.Parameter.empty:
        return None
    if isinstance(annotation, str):
        try:
            annotation = eval(annotation, getattr(function, "__globals__", {}))  # noqa: S307 - the author's own code
        except Exception:  # a name that only a type checker knows
            return None
    if get_origin(annotation) in (Union, UnionType):
        known = [part for part in get_args(annotation) if part is not NoneType]
        return known[0] if len(known) == 1 else None
    return annotation
