"""The arguments of a command: words of a line, read as the types that its function's parameters say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mepassa.bot.folding import fold
from mepassa.bot.words import Words

_YES = {"1", "on", "s", "sim", "true", "verdadeiro", "y", "yes"}
_NO = {"0", "falso", "false", "n", "nao", "no", "off"}
_SHOWN = 40  # characters of a wrong word that the answer repeats


class WrongArgument(Exception):
    """What somebody typed does not fit the command; `str()` of it says what, in the bot's language."""


def _whole(word: str) -> int:
    if "_" in word:
        raise ValueError
    return int(word)


def _number(word: str) -> float:
    number = float(word.replace(",", ".", 1) if "." not in word else word)  # 3,5 is 3.5 where Portuguese is spoken
    if "_" in word or not math.isfinite(number):
        raise ValueError
    return number


def _yes_or_no(word: str) -> bool:
    folded = fold(word)
    if folded not in _YES | _NO:
        raise ValueError
    return folded in _YES


READERS: dict[type, Callable[[str], Any]] = {str: str, int: _whole, float: _number, bool: _yes_or_no}
"""How a word becomes a value of each type that an argument may have; ValueError where it does not."""


@dataclass(frozen=True)
class Argument:
    """One argument. `rest`: the last one, of type str, is all that is left of the line; `many`: it is `*args`."""

    name: str
    type: type
    optional: bool
    default: Any = None
    rest: bool = False
    many: bool = False

    @property
    def shown(self) -> str:
        """As usage sentences show it: `AMOUNT`, `[AMOUNT]`, `TEXT…`."""
        label = self.name.upper() + ("…" if self.rest or self.many else "")
        return f"[{label}]" if self.optional else label

    def read(self, word: str, _: Words) -> Any:
        """The word as a value. Raises `WrongArgument`."""
        try:
            return READERS[self.type](word)
        except ValueError:
            facts = {"argument": self.name.upper(), "word": _short(word)}
        if self.type is int:
            raise WrongArgument(_("{argument} is a whole number; “{word}” is not.", **facts))
        if self.type is float:
            raise WrongArgument(_("{argument} is a number; “{word}” is not.", **facts))
        raise WrongArgument(_("{argument} is yes or no; “{word}” is neither.", **facts))


def read(arguments: Sequence[Argument], line: str, _: Words) -> tuple[dict[str, Any], list[Any]]:
    """The values by name, and those of `*args`. Raises `WrongArgument`."""
    values: dict[str, Any] = {}
    for argument in arguments:
        if argument.many:
            return values, [argument.read(word, _) for word in line.split()]
        word, left = _first(line)
        if not word:
            if not argument.optional:
                raise WrongArgument(_("{argument} is missing.", argument=argument.name.upper()))
            values[argument.name] = argument.default
        elif argument.rest:
            values[argument.name], left = line.strip(), ""
        else:
            values[argument.name] = argument.read(word, _)
        line = left
    if line.strip():
        raise WrongArgument(_("“{word}” is too much.", word=_short(line.strip())))
    return values, []


def _first(line: str) -> tuple[str, str]:
    """The first word, and what follows it."""
    word, *left = line.split(maxsplit=1) or [""]
    return word, left[0] if left else ""


def _short(word: str) -> str:
    return word if len(word) <= _SHOWN else f"{word[:_SHOWN]}…"
