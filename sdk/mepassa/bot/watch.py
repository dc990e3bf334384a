"""What happens while handlers are at work: answers that go out early, and the end of handlers that take too long."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import anyio

from mepassa.bot.attend import Seat
from mepassa.bot.clock import Clock
from mepassa.bot.context import Answer, Context
from mepassa.bot.node import Node
from mepassa.errors import MepassaError
from mepassa.generated.errors import RequestReused

MOMENT = 0.05
"""Seconds after which an answer goes out although its handler is still at work."""


class Watch:
    """Looks at the seats where messages are handled; it sleeps while none is taken."""

    def __init__(self, seats: Sequence[Seat], node: Node, clock: Clock, timeout: float) -> None:
        """`timeout`: seconds that a handler may take."""
        self._seats = seats
        self._node = node
        self._clock = clock
        self._timeout = timeout
        self._begun = anyio.Event()
        self._answered = anyio.Event()

    def begun(self) -> None:
        """A handler began."""
        self._begun.set()

    def answered(self) -> None:
        """A handler gave an answer, and is still at work."""
        self._answered.set()

    async def end_late_ones(self) -> None:
        """Cancel handlers that take too long, for ever."""
        while True:
            await self._begun.wait()
            self._begun = anyio.Event()
            # Whoever begins from now on is late no sooner than a whole timeout from now.
            since = min((seat.since for seat in self._seats if _may_be_late(seat)), default=self._clock.monotonic())
            await self._clock.sleep(max(0.0, since + self._timeout - self._clock.monotonic()))
            for seat in self._seats:
                if seat.scope and self._clock.monotonic() - seat.since >= self._timeout:
                    seat.scope.cancel()
            if any(map(_may_be_late, self._seats)):
                self._begun.set()

    async def send_early(self) -> None:
        """Send answers of handlers that are still at work a moment later, for ever."""
        while True:
            await self._answered.wait()
            await self._clock.sleep(MOMENT)
            self._answered = anyio.Event()
            for seat in self._seats:
                self._send_from(seat)
            if any(_waits(seat) for seat in self._seats):
                self._answered.set()

    def _send_from(self, seat: Seat) -> None:
        """Send what is due, unless answers to an earlier message of the conversation are still on their way."""
        ctx, lane = seat.ctx, seat.lane
        if ctx is None or lane is None or lane.commits or lane.failed:
            return
        now = self._clock.monotonic()
        for answer in ctx.answers:
            if not answer.tried and now - answer.given_at >= MOMENT:
                answer.tried = True
                ctx.sending.up()
                settled = partial(self._settle, ctx, answer)
                self._node.send(lane.conversation, answer.text, answer.request_id, settled)

    @staticmethod
    def _settle(ctx: Context, answer: Answer, error: MepassaError | None) -> None:
        # What the node refuses, or has not heard of, is left to the commit. Reused: an earlier run answered.
        answer.sent = error is None or isinstance(error, RequestReused)
        ctx.sending.down()


def _may_be_late(seat: Seat) -> bool:
    """Whether a handler is at work that was not cancelled yet; what it does after that takes as long as it takes."""
    return seat.scope is not None and not seat.scope.cancel_called


def _waits(seat: Seat) -> bool:
    """Whether a handler is at work that gave an answer which did not go out."""
    return seat.ctx is not None and any(not answer.tried for answer in seat.ctx.answers)
