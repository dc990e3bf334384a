"""Dependencies by parameter name: who gives what to whom, checked before the first message comes."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any, Literal

from mepassa.bot.errors import InvalidBot
from mepassa.bot.signature import Function, name_of, parameters

Scope = Literal["bot", "message"]

OF_A_RUN = frozenset({"bot", "client", "clock"})
"""Names that every function of a bot may ask for."""

RESERVED = OF_A_RUN | {"ctx", "error", "call_next"}


class Provider:
    """A function whose result others get under its name.

    An async generator's code after its `yield` runs when nobody needs the result any more.
    """

    def __init__(self, function: Function, scope: Scope) -> None:
        """`scope`: made once a run of the bot, or once a message. Raises `InvalidBot`."""
        self.name = name_of(function)
        self.function = function
        self.scope = scope
        if self.name in RESERVED:
            raise InvalidBot(f"The provider `{self.name}` has a name that a bot itself gives; choose another.")
        if scope not in ("bot", "message"):
            raise InvalidBot(f"The provider `{self.name}` has the scope {scope!r}; there are 'bot' and 'message'.")
        if inspect.isgeneratorfunction(function):
            raise InvalidBot(f"The provider `{self.name}` yields, so it must be made with `async def`.")

    async def make(self, stack: AsyncExitStack, positional: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """The result; the code after a `yield` is left to `stack`."""
        if inspect.isasyncgenfunction(self.function):
            return await stack.enter_async_context(asynccontextmanager(self.function)(*positional, **named))
        made = self.function(*positional, **named)
        return await made if inspect.isawaitable(made) else made


class MessageScope:
    """What providers make for one message. Leaving it ends them, the last one first, and hides no failure."""

    def __init__(self, injector: Injector, ctx: object) -> None:
        self._injector = injector
        self._ctx = ctx
        self._made: dict[str, Any] = {}
        self._stack: AsyncExitStack | None = None

    async def get(self, name: str) -> Any:
        """What the provider of this name makes, once a message."""
        if name not in self._made:
            self._stack = self._stack or AsyncExitStack()
            self._made[name] = await self._injector.make(name, self._stack, {"ctx": self._ctx}, self)
        return self._made[name]

    async def __aenter__(self) -> MessageScope:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stack is not None:
            await self._stack.__aexit__(kind, error, trace)


class Call:
    """A function and where each of its parameters comes from."""

    def __init__(self, function: Function, injector: Injector, given: Collection[str], *, of_a_message: bool) -> None:
        """`given`: names that whoever calls gives. `of_a_message`: whether it may ask for what is made for a message.

        Raises `InvalidBot` for a parameter that nobody gives.
        """
        self.function = function
        self._values = injector.values
        self._made = injector.of_messages if of_a_message else frozenset[str]()
        self._absent: dict[str, Any] = {}  # what a parameter is when whoever calls has nothing for it
        self._positional: list[str] = []
        self._named: list[str] = []
        for parameter in parameters(function):
            if parameter.many:
                continue
            if parameter.required and parameter.name not in {*self._made, *injector.of_the_run, *given}:
                raise InvalidBot(injector.complaint(function, parameter.name, {*self._made, *given}))
            self._absent[parameter.name] = None if parameter.required else parameter.default
            (self._named if parameter.named_only else self._positional).append(parameter.name)
        self._only_context = self._positional == ["ctx"] and not self._named

    async def __call__(self, given: Mapping[str, Any], scope: MessageScope | None, rest: Sequence[Any] = ()) -> Any:
        """Call it; `rest` is for its `*args`."""
        if self._only_context and not rest:
            return await self.function(given["ctx"])
        positional, named = await self.arguments(given, scope)
        return await self.function(*positional, *rest, **named)

    async def arguments(self, given: Mapping[str, Any], scope: MessageScope | None) -> tuple[list[Any], dict[str, Any]]:
        """What to call it with."""
        positional = [await self._find(name, given, scope) for name in self._positional]
        return positional, {name: await self._find(name, given, scope) for name in self._named}

    async def _find(self, name: str, given: Mapping[str, Any], scope: MessageScope | None) -> Any:
        if scope is not None and name in self._made:
            return await scope.get(name)
        if name in given:
            return given[name]
        return self._values[name] if name in self._values else self._absent[name]


class Injector:
    """All providers of a bot, and what they made for this run."""

    def __init__(self, providers: Iterable[Provider], overrides: Mapping[str, Any]) -> None:
        """`overrides`: values in place of what providers of these names make. Raises `InvalidBot` for two of one name,
        for a circle, for what needs what is not there yet, and for an override of nothing."""
        self._providers: dict[str, Provider] = {}
        for provider in providers:
            if provider.name in self._providers:
                raise InvalidBot(f"There are two providers named `{provider.name}`.")
            self._providers[provider.name] = provider
        for name in overrides:
            if self._providers.pop(name, None) is None:
                raise InvalidBot(f"The bot has no provider named `{name}` to override.")
        self.values: dict[str, Any] = dict(overrides)
        self.of_messages = frozenset(name for name, one in self._providers.items() if one.scope == "message")
        self.of_the_run = (self._providers.keys() - self.of_messages) | OF_A_RUN | overrides.keys()
        self._calls = {name: self._call_of(provider) for name, provider in self._providers.items()}
        for name in self._providers:
            self._check_circle(name, ())

    def call(self, function: Function, given: Collection[str]) -> Call:
        """A function about a message, to be called with what is given and what is provided. Raises `InvalidBot`."""
        return Call(function, self, given, of_a_message=True)

    def task(self, function: Function) -> Call:
        """A function about no message, ready to be called. Raises `InvalidBot`."""
        return Call(function, self, (), of_a_message=False)

    @asynccontextmanager
    async def run(self, **values: Any) -> AsyncIterator[None]:
        """While entered, what is made once a run is there. `values`: those named in `OF_A_RUN`."""
        self.values.update(values)
        async with AsyncExitStack() as stack:
            for name in self._providers:
                await self._make_for_the_run(name, stack)
            yield

    async def make(self, name: str, stack: AsyncExitStack, given: Mapping[str, Any], scope: MessageScope | None) -> Any:
        """What the provider of this name makes now."""
        positional, named = await self._calls[name].arguments(given, scope)
        return await self._providers[name].make(stack, positional, named)

    def complaint(self, function: Function, parameter: str, given: Collection[str]) -> str:
        """Why a bot with this function cannot run."""
        if parameter in self._providers or parameter in RESERVED:
            return f"`{name_of(function)}` cannot have the parameter `{parameter}`, which is not there for it."
        known = ", ".join(sorted({*given, *self.of_the_run}))
        return (
            f"Nobody provides the parameter `{parameter}` of `{name_of(function)}`: write a `@bot.provide` function of "
            f"that name, or a group of that name in its regular expression. It may ask for: {known}."
        )

    def _call_of(self, provider: Provider) -> Call:
        of_a_message = provider.scope == "message"
        return Call(provider.function, self, {"ctx"} if of_a_message else (), of_a_message=of_a_message)

    async def _make_for_the_run(self, name: str, stack: AsyncExitStack) -> None:
        if name in self.of_messages or name in self.values:
            return
        for needed in self._needs(name):
            await self._make_for_the_run(needed, stack)
        self.values[name] = await self.make(name, stack, {}, None)

    def _needs(self, name: str) -> list[str]:
        return [one.name for one in parameters(self._providers[name].function) if one.name in self._providers]

    def _check_circle(self, name: str, asked: tuple[str, ...]) -> None:
        if name in asked:
            raise InvalidBot(f"The providers {' > '.join((*asked, name))} wait for each other.")
        for needed in self._needs(name):
            self._check_circle(needed, (*asked, name))
