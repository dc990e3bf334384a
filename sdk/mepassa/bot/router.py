"""A router: handlers and providers of one subject, to be included into a bot."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from mepassa.bot.commands import Command, command_of
from mepassa.bot.errors import InvalidBot
from mepassa.bot.filters import Condition, Filter, as_filter
from mepassa.bot.inject import Provider, Scope
from mepassa.bot.signature import Function, must_be_async, name_of

Handler = Callable[..., Awaitable[None]]
H = TypeVar("H", bound=Handler)
P = TypeVar("P", bound=Callable[..., Any])


@dataclass(frozen=True, eq=False)
class Rule:
    """A handler and which messages it wants: those of a command, those of a filter, or all."""

    function: Function
    command: Command | None = None
    filter: Filter | None = None


class Router:
    """Decorators that register handlers. The first one that wants a message gets it, in the order of the file;
    the handlers of a router that is included stand where it was included."""

    def __init__(self) -> None:
        self._entries: list[Rule | Router] = []
        self._providers: list[Provider] = []
        self._unfinished: dict[object, Condition] = {}  # what was given as a filter, until its handler follows

    def command(self, name: str, *, help: str = "") -> Callable[[H], H]:
        """Register the handler of texts that begin with `/name`, whatever case and accents they are typed with.

        The handler's parameters that nobody provides are the command's arguments: words of the line, read as str, int,
        float or bool. The last one, if it is a str, is the rest of the line; `*args` are all words that are left.
        `help`: what `/help` says of it; without it the first line of the docstring. Raises `InvalidBot`.
        """

        def register(handler: H) -> H:
            must_be_async(handler, "handler")
            self._entries.append(Rule(handler, command=command_of(name, help, handler)))
            return handler

        return register

    @overload  # to a type checker an async function is a condition as well; here it is not
    def message(self, wanted: H) -> H: ...  # type: ignore[overload-overlap]

    @overload
    def message(self, wanted: Filter | Condition) -> Callable[[H], H]: ...

    def message(self, wanted: Any) -> Any:
        """Register the handler of every message, `@bot.message`, or of those of a filter, `@bot.message(F.text …)`.

        Raises `InvalidBot`.
        """
        if inspect.iscoroutinefunction(wanted):
            self._entries.append(Rule(wanted))
            return wanted
        filter, token = as_filter(wanted), object()
        if not isinstance(wanted, Filter):
            self._unfinished[token] = wanted

        def register(handler: H) -> H:
            must_be_async(handler, "handler")
            self._unfinished.pop(token, None)
            self._entries.append(Rule(handler, filter=filter))
            return handler

        return register

    @overload
    def provide(self, function: P) -> P: ...

    @overload
    def provide(self, *, scope: Scope) -> Callable[[P], P]: ...

    def provide(self, function: Any = None, *, scope: Scope = "bot") -> Any:
        """Register a function whose result is given to whoever has a parameter of its name.

        It is a plain or async function, or an async generator that yields once. It is called once a run of the bot,
        before the first message, or once a message that needs it: `scope="message"`. Raises `InvalidBot`.
        """

        def register(function: P) -> P:
            self._providers.append(Provider(function, scope))
            return function

        return register if function is None else register(function)

    def include(self, router: Router) -> None:
        """Let the handlers of `router` stand here, and give its providers to all. Raises `InvalidBot`."""
        if self in router.routers():
            raise InvalidBot("A router cannot be included into itself.")
        self._entries.append(router)

    def routers(self) -> Iterator[Router]:
        """This one and all that it includes."""
        yield self
        for entry in self._entries:
            if isinstance(entry, Router):
                yield from entry.routers()

    def rules(self) -> Iterator[Rule]:
        """All handlers, in the order they are asked. Raises `InvalidBot`."""
        for wanted in self._unfinished.values():
            raise InvalidBot(
                f"`{name_of(wanted)}` was taken for a filter, and no handler followed; "
                "if it is a handler, make it with `async def`."
            )
        for entry in self._entries:
            if isinstance(entry, Router):
                yield from entry.rules()
            else:
                yield entry

    def providers(self) -> Iterator[Provider]:
        """Its own, and those of all that it includes."""
        for router in self.routers():
            yield from router._providers
