"""One run of a bot: its parts put together, kept going, and ended well."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import anyio

from mepassa.bot.attend import Attendant, Seat, quits, where
from mepassa.bot.clock import Clock, give_up_after
from mepassa.bot.commits import Commits
from mepassa.bot.dealer import Dealer
from mepassa.bot.desk import Desk
from mepassa.bot.errors import HandlerQuit
from mepassa.bot.inject import Call
from mepassa.bot.lanes import Lane, Lanes
from mepassa.bot.limits import Limits
from mepassa.bot.node import AWAY, Node
from mepassa.bot.pace import Pace
from mepassa.bot.plan import Plan
from mepassa.bot.progress import Progress
from mepassa.bot.reader import Reader
from mepassa.bot.turns import Turns
from mepassa.bot.watch import Watch
from mepassa.errors import MepassaError, RpcError
from mepassa.events import pauses

log = logging.getLogger("mepassa.bot")


class Engine:
    """Runs a bot once."""

    def __init__(
        self,
        bot: str,
        plan: Plan,
        node: Node,
        clock: Clock,
        limits: Limits,
        place: int,
        failed: Callable[[Exception], None],
    ) -> None:
        """`place`: the event up to which all are dealt with. `failed`: see `Bot.serve`."""
        self._bot, self._plan, self._node, self._clock, self._limits = bot, plan, node, clock, limits
        self._failed = failed
        self._progress = Progress(place)
        self._turns = Turns(limits.max_concurrent)
        self._watch = Watch(self._turns.seats, node, clock, limits.timeout)
        desk = Desk(
            bot=bot,
            node=node,
            clock=clock,
            pace=Pace(limits.answers_per_minute, clock),
            max_answers=limits.max_answers,
            answered=self._watch.answered,
            failed=failed,
        )
        lanes = Lanes(self._progress, self._turns.ready)
        self._commits = Commits(node, self._progress, lanes, self._fail)
        self._reader = Reader(bot, node, clock, lanes, self._progress)
        attendant = Attendant(plan, desk, limits.timeout, self._watch.begun)
        self._dealer = Dealer(desk, attendant, lanes, self._commits, self._reader.feed)
        self._ended = anyio.Event()
        self._failure: BaseException | None = None

    @property
    def stopping(self) -> bool:
        """Whether it takes up nothing more."""
        return self._ended.is_set()

    def stop(self) -> None:
        """Let `run` take up nothing more and return."""
        self._dealer.stopping = True
        self._ended.set()

    async def run(self) -> None:
        """Run until stopped. Raises `RpcError` or `ProtocolError` when there is no going on."""
        async with anyio.create_task_group() as tasks:
            self._turns.begin(tasks, self._turn)
            tasks.start_soon(self._watch.end_late_ones)
            tasks.start_soon(self._watch.send_early)
            async with anyio.create_task_group() as intake:
                intake.start_soon(self._guarded, self._reader.read)
                intake.start_soon(self._guarded, self._reader.read_again)
                for task in self._plan.tasks:
                    intake.start_soon(self._keep_up, task)
                log.info("%s is ready as %s", self._bot, self._node.account)
                await self._ended.wait()
                intake.cancel_scope.cancel()
            if self._failure is None:
                await self._finish()
            tasks.cancel_scope.cancel()
        if self._failure is not None:
            raise self._failure

    def _fail(self, error: MepassaError) -> None:
        self._failure = error
        self.stop()

    async def _turn(self, seat: Seat, lane: Lane) -> None:
        await self._guarded(partial(self._dealer.turn, seat, lane))

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do a part of the work; where there is no going on, that ends the run."""
        try:
            await work()
        except MepassaError as error:
            self._fail(error)

    async def _finish(self) -> None:
        """Let handlers at work end, for a while, and tell the node how far that went."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(give_up_after, self._clock, self._limits.stop_timeout, tasks.cancel_scope)
            await self._turns.at_work.at_zero()
            await self._commits.in_flight.at_zero()
            with suppress(RpcError, *AWAY):
                await self._node.keep_place(self._progress.place)
            tasks.cancel_scope.cancel()

    async def _keep_up(self, task: Call) -> None:
        """Run a task of the bot, and again where it fails."""
        for pause in pauses():
            try:
                await task({}, None)
                return
            except BaseException as error:
                if not (isinstance(error, Exception) or quits(error)):
                    raise
                log.error("%s's task %s failed: %s", self._bot, task.function.__name__, where(error))
                self._failed(error if isinstance(error, Exception) else HandlerQuit("A task called sys.exit."))
            await self._clock.sleep(pause)
