"""Commands: what begins with a slash, and the list of them that `/help` and `/ajuda` answer with."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mepassa.bot.arguments import READERS, Argument
from mepassa.bot.errors import InvalidBot
from mepassa.bot.folding import fold
from mepassa.bot.signature import Function, Parameter, name_of, parameters
from mepassa.bot.words import Words

HELP = ("help", "ajuda")
"""Names of the command that lists the others."""


@dataclass(frozen=True)
class Command:
    """A command as it was registered: its name as it was written, and what its list says of it."""

    name: str
    help: str

    @property
    def folded(self) -> str:
        """The name without case and accents, by which it is found."""
        return fold(self.name)

    def usage(self, arguments: Sequence[Argument]) -> str:
        """`/remind AMOUNT UNIT TEXT…`"""
        return " ".join([f"/{self.name}", *(argument.shown for argument in arguments)])


def command_of(name: str, help: str, function: Function) -> Command:
    """The command that `function` is. Raises `InvalidBot` for a name that nobody could type."""
    name = name.removeprefix("/")
    if not re.fullmatch(r"[^\W\d_][\w-]{0,31}", name):
        raise InvalidBot(f"{name!r} cannot be a command: it has 1 to 32 letters, digits, - and _, a letter first.")
    return Command(name, help or (inspect.getdoc(function) or "").split("\n")[0])


def arguments_of(function: Function, injected: Collection[str]) -> list[Argument]:
    """The arguments of a command: the parameters that nobody gives by name. Raises `InvalidBot`."""
    asked = [parameter for parameter in parameters(function) if parameter.name not in injected]
    return [_argument(function, parameter, last=parameter is asked[-1]) for parameter in asked]


def _argument(function: Function, parameter: Parameter, last: bool) -> Argument:
    kind = str if parameter.many and parameter.type is None else parameter.type
    if kind not in READERS:
        raise InvalidBot(
            f"Nobody provides the parameter `{parameter.name}` of `{name_of(function)}`: write a `@bot.provide` "
            "function of that name, or annotate it with str, int, float or bool to make it an argument of the command."
        )
    return Argument(
        name=parameter.name,
        type=kind,
        optional=not parameter.required,
        default=None if parameter.required else parameter.default,
        rest=last and kind is str and not parameter.many,
        many=parameter.many,
    )


def listing(commands: Sequence[tuple[Command, Sequence[Argument]]], _: Words) -> str:
    """The answer to `/help`: a line a command, in the order they were registered."""
    lines = [
        f"{command.usage(arguments)}{f' — {command.help}' if command.help else ''}" for command, arguments in commands
    ]
    own = HELP[_.language.startswith("pt")]
    return "\n".join([_("Commands:"), *lines, f"/{own} — {_('shows this list')}"])
