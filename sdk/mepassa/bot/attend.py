"""One message and its handler: who wants it, within how much time, and what comes of it."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import anyio

from mepassa.bot.context import NO_STATE, Answer, Context
from mepassa.bot.desk import Desk
from mepassa.bot.errors import HandlerQuit
from mepassa.bot.inject import MessageScope
from mepassa.bot.lanes import Lane
from mepassa.bot.message import Message
from mepassa.bot.plan import Plan
from mepassa.errors import MepassaError, RpcError

log = logging.getLogger("mepassa.bot")

T = TypeVar("T")

_HERE = Path(__file__).parent


class Outcome:
    """What a message leads to. `wanted`: whether anybody dealt with it; if not, there is nothing to keep.

    `state`: JSON, None where it stays as it was. `given`: answers that were given so far, dropped ones included.
    """

    __slots__ = ("answers", "given", "state", "wanted")

    def __init__(self, wanted: bool, answers: list[Answer], state: bytes | None, given: int) -> None:
        self.wanted = wanted
        self.answers = answers
        self.state = state
        self.given = given


class Seat:
    """Where one message at a time is handled; others look here whether its handler takes long."""

    def __init__(self) -> None:
        self.lane: Lane | None = None
        self.ctx: Context | None = None
        self.scope: anyio.CancelScope | None = None
        self.since = 0.0  # when the handler began


class Attendant:
    """Calls handlers, and error handlers where they fail."""

    def __init__(self, plan: Plan, desk: Desk, timeout: float, begun: Callable[[], None]) -> None:
        """`begun` is called when a handler begins; whoever watches the seats cancels it after `timeout` seconds."""
        self._plan = plan
        self._desk = desk
        self._timeout = timeout
        self._begun = begun

    @property
    def needs_state(self) -> bool:
        """Whether the state is needed to find out who wants a message."""
        return self._plan.reads_state

    def wants(self, message: Message) -> bool:
        """Whether a handler wants the message; to be asked only where that does not need the state."""
        try:
            return self._plan.find(Context(self._desk, message, NO_STATE, 0)) is not None
        except Exception:  # of a filter: it fails again where that is told
            return True

    async def handle(self, seat: Seat, message: Message, state: bytes) -> Outcome:
        """What the message leads to, whatever its handler does."""
        ctx = Context(self._desk, message, state, 0)
        try:
            wanted = await self._handled(seat, ctx)
            changed = ctx.changed_state()
        except Exception as error:
            log.error("%s failed on message %s: %s", self._desk.bot, message.id, where(error))
            return await self._caught(seat, message, state, ctx.given, error)
        return Outcome(wanted or ctx.given > 0 or changed is not None, ctx.answers, changed, ctx.given)

    async def refused(self, seat: Seat, message: Message, state: bytes, earlier: int, error: MepassaError) -> Outcome:
        """What the message leads to after the node refused what came of it. `earlier`: answers given to it before."""
        log.error("%s cannot answer message %s: %s", self._desk.bot, message.id, kind_of(error))
        return await self._caught(seat, message, state, earlier, error)

    async def _handled(self, seat: Seat, ctx: Context) -> bool:
        if self._plan.middlewares:
            return await self._limited(seat, ctx, self._through_middlewares)
        found = self._plan.find(ctx)
        if found is None:
            return False
        handling, groups = found
        await self._limited(seat, ctx, lambda ctx, scope: handling.call(ctx, groups, scope))
        return True

    async def _caught(self, seat: Seat, message: Message, state: bytes, earlier: int, error: Exception) -> Outcome:
        call = next((one.call for one in self._plan.caught if isinstance(error, one.kinds)), None)
        nothing = Outcome(True, [], None, earlier)
        if call is None:
            self._desk.failed(error)
            return nothing
        ctx = Context(self._desk, message, state, earlier)
        try:
            await self._limited(seat, ctx, lambda ctx, scope: call({"ctx": ctx, "error": error}, scope))
            return Outcome(True, ctx.answers, ctx.changed_state(), ctx.given)
        except Exception as another:
            log.error("%s failed on an error of message %s: %s", self._desk.bot, message.id, where(another))
            self._desk.failed(another)
            return nothing

    async def _through_middlewares(self, ctx: Context, scope: MessageScope) -> bool:
        """Call the middlewares around whoever wants the message; whether anybody did."""
        wanted = False

        async def step(index: int) -> None:
            nonlocal wanted
            if index < len(self._plan.middlewares):
                given = {"ctx": ctx, "call_next": lambda: step(index + 1)}
                await self._plan.middlewares[index](given, scope)
            elif found := self._plan.find(ctx):
                wanted = True
                handling, groups = found
                await handling.call(ctx, groups, scope)

        await step(0)
        return wanted

    async def _limited(self, seat: Seat, ctx: Context, work: Callable[[Context, MessageScope], Awaitable[T]]) -> T:
        """Do the work, unless it takes too long. Raises TimeoutError, `HandlerQuit`, and what the work raises."""
        trace = None
        with anyio.CancelScope() as scope:
            seat.ctx, seat.scope, seat.since = ctx, scope, self._desk.clock.monotonic()
            self._begun()
            try:
                async with MessageScope(self._plan.injector, ctx) as made:
                    return await work(ctx, made)
            except BaseException as error:
                trace = error.__traceback__  # of a cancelled one: where it hung
                if quits(error):
                    raise HandlerQuit(f"A handler raised {type(error).__name__}.").with_traceback(trace) from None
                raise
            finally:
                ctx.over = True
                seat.ctx = seat.scope = None
                await ctx.sending.at_zero()
        raise TimeoutError(f"It took longer than {self._timeout:g} seconds.").with_traceback(trace)


def quits(error: BaseException) -> bool:
    """Whether a function of the bot raised what is to end more than itself, although nobody ends it."""
    cancelled = anyio.get_cancelled_exc_class()
    if isinstance(error, cancelled):  # on asyncio also of another task, which it waited for
        task = asyncio.current_task() if cancelled is asyncio.CancelledError else None
        return task is not None and not task.cancelling()
    if isinstance(error, BaseExceptionGroup) and error.subgroup((KeyboardInterrupt, cancelled)) is not None:
        return False
    return not isinstance(error, Exception | KeyboardInterrupt | GeneratorExit)


def kind_of(error: BaseException) -> str:
    """What kind of failure; never the exception's own words, which may quote the message."""
    return error.name if isinstance(error, RpcError) else type(error).__name__


def where(error: BaseException) -> str:
    """What kind of failure, and where in the bot's own code and what that called."""
    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    return " > ".join([f"{file.name}:{line}" for file, line in frames if file.parent != _HERE] + [kind_of(error)])
