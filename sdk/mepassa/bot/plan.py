"""A bot as it runs: all that its file registered, checked and put together before the first message comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mepassa.bot.arguments import Argument, WrongArgument, read
from mepassa.bot.commands import HELP, Command, arguments_of, listing
from mepassa.bot.context import Context
from mepassa.bot.errors import InvalidBot
from mepassa.bot.filters import NOTHING, Filter, Groups, Text
from mepassa.bot.inject import Call, Injector, MessageScope
from mepassa.bot.router import Rule
from mepassa.bot.signature import Function, name_of
from mepassa.bot.words import Words

Work = Callable[[Context, MessageScope], Any]
"""What to do with a message: an async function."""


@dataclass(frozen=True)
class Handling:
    """A handler, ready to be asked whether it wants a message, and to be called."""

    wants: Callable[[Context], Groups | None]
    call: Callable[[Context, Groups, MessageScope], Any]
    reads_state: bool = False


@dataclass(frozen=True)
class Caught:
    """A function for errors of some kinds."""

    kinds: tuple[type[Exception], ...]
    call: Call


@dataclass(frozen=True)
class Plan:
    """What to do with messages."""

    injector: Injector
    handlings: Sequence[Handling]
    middlewares: Sequence[Call]
    caught: Sequence[Caught]
    tasks: Sequence[Call]

    @property
    def reads_state(self) -> bool:
        """Whether the state is needed to find out who wants a message."""
        return bool(self.middlewares) or any(one.reads_state for one in self.handlings)

    def find(self, ctx: Context) -> tuple[Handling, Groups] | None:
        """The handler that wants the message, and what its filter found."""
        for handling in self.handlings:
            groups = handling.wants(ctx)
            if groups is not None:
                return handling, groups
        return None


def make_plan(
    injector: Injector,
    rules: Sequence[Rule],
    middlewares: Iterable[Function],
    errors: Iterable[tuple[tuple[type[Exception], ...], Function]],
    tasks: Iterable[Function],
    _: Words,
) -> Plan:
    """Put a bot together. Raises `InvalidBot`, naming the function and the parameter at fault."""
    _check_reach(rules)
    return Plan(
        injector=injector,
        handlings=_handlings(rules, injector, _),
        middlewares=[injector.call(one, {"ctx", "call_next"}) for one in middlewares],
        caught=[Caught(kinds, injector.call(one, {"ctx", "error"})) for kinds, one in errors],
        tasks=[injector.task(one) for one in tasks],
    )


def _check_reach(rules: Sequence[Rule]) -> None:
    """Raise `InvalidBot` where a handler stands below one that takes every message, or one of the same command."""
    seen: set[str] = set()
    for above, rule in zip([None, *rules], rules, strict=False):
        if above is not None and above.command is None and (above.filter is None or isinstance(above.filter, Text)):
            raise InvalidBot(
                f"`{name_of(rule.function)}` is never reached: `{name_of(above.function)}` above it takes every "
                f"message. Move `{name_of(above.function)}` to the end."
            )
        if rule.command is not None:
            if rule.command.folded in seen:
                raise InvalidBot(f"There are two commands /{rule.command.name}.")
            seen.add(rule.command.folded)


def _handlings(rules: Sequence[Rule], injector: Injector, _: Words) -> list[Handling]:
    made: list[Handling] = []
    commands: list[tuple[Command, Sequence[Argument]]] = []
    injected = {"ctx", *injector.of_the_run, *injector.of_messages}
    for rule in rules:
        if rule.command is not None:
            arguments = arguments_of(rule.function, injected)
            commands.append((rule.command, arguments))
            call = injector.call(rule.function, {"ctx", *(one.name for one in arguments)})
            made.append(_of_command(rule.command, arguments, call, _))
        else:
            groups = frozenset[str]() if rule.filter is None else rule.filter.names
            made.append(_of_filter(rule.filter, injector.call(rule.function, {"ctx", *groups})))
    free = set(HELP) - {command.folded for command, _ in commands}
    return [_of_help(free, listing(commands, _)), *made] if commands else made


def _of_filter(filter: Filter | None, call: Call) -> Handling:
    async def handle(ctx: Context, groups: Groups, scope: MessageScope) -> None:
        found = {name: text for name, text in groups.items() if text is not None}
        await call({"ctx": ctx, **found}, scope)

    if filter is None:
        return Handling(lambda ctx: NOTHING, handle)
    return Handling(filter.test, handle, filter.reads_state)


def _of_command(command: Command, arguments: Sequence[Argument], call: Call, _: Words) -> Handling:
    name, usage = command.folded, _("Usage: {usage}", usage=command.usage(arguments))

    async def handle(ctx: Context, groups: Groups, scope: MessageScope) -> None:
        values: Mapping[str, Any]
        try:
            values, rest = read(arguments, ctx.message.arguments, _)
        except WrongArgument as wrong:
            await ctx.reply(f"{wrong} {usage}")
            return
        await call({"ctx": ctx, **values}, scope, rest)

    return Handling(lambda ctx: NOTHING if ctx.message.command == name else None, handle)


def _of_help(names: set[str], text: str) -> Handling:
    async def handle(ctx: Context, groups: Groups, scope: MessageScope) -> None:
        await ctx.reply(text)

    return Handling(lambda ctx: NOTHING if ctx.message.command in names else None, handle)
