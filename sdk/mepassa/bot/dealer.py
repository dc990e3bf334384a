"""Dealing with what waits in conversations: one message after the other in each, and again where a commit failed."""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio.lowlevel

from mepassa.bot.attend import Attendant, Outcome, Seat, kind_of
from mepassa.bot.commits import Commits
from mepassa.bot.desk import Desk
from mepassa.bot.lanes import Job, Lane, Lanes
from mepassa.bot.node import FATAL, PASSING
from mepassa.errors import MepassaError, RpcError
from mepassa.generated.errors import AlreadyAnswered, StoreFull

log = logging.getLogger("mepassa.bot")

TURN = 16
"""Messages of one conversation that are dealt with before others have their turn."""

TRIES = 3
"""What the node is asked to keep of a message: what its handler did, what an error handler did, that it is over."""

FULL_PAUSE = 5.0
"""Seconds until the node is asked again after it had no room."""


class Dealer:
    """Takes messages of a lane, has them handled, and hands over what came of them."""

    def __init__(
        self, desk: Desk, attendant: Attendant, lanes: Lanes, commits: Commits, taken: Callable[[Lane], None]
    ) -> None:
        """`taken` is called with a lane from which a message was taken."""
        self._desk = desk
        self._attendant = attendant
        self._lanes = lanes
        self._commits = commits
        self._taken = taken
        self.stopping = False

    async def turn(self, seat: Seat, lane: Lane) -> None:
        """Deal with some of a lane's messages, as the only one. Raises `RpcError` when there is no going on."""
        for _ in range(TURN):
            if self.stopping:
                return
            if lane.failed:
                await self._recover(lane)
            if not lane.waiting:
                break
            job = self._lanes.take(lane)
            self._taken(lane)
            if not await self._deal(seat, lane, job):
                self._lanes.put_back(lane, job)
        else:
            await anyio.lowlevel.checkpoint()  # handlers that never wait would let nobody else run
        self._lanes.end_turn(lane)

    async def _deal(self, seat: Seat, lane: Lane, job: Job) -> bool:
        """Deal with a message. False: a commit before it failed, so it must be dealt with again."""
        if not lane.loaded and not await self._load_for(lane, job):
            self._commits.finish(job)
            return True
        if job.seq <= lane.after:  # an earlier run dealt with it
            self._commits.finish(job)
            return True
        outcome = await self._outcome(seat, lane, job)
        if lane.failed:
            return False
        if not outcome.wanted:
            self._commits.finish(job)
            return True
        return await self._commits.submit(lane, job, outcome)

    async def _load_for(self, lane: Lane, job: Job) -> bool:
        """Ask the node for the conversation's state, if the message needs it; False where nothing needs to be done."""
        if not (job.refusals or self._attendant.needs_state or self._attendant.wants(job.message)):
            return False
        try:
            lane.after, lane.state = await self._desk.node.state(lane.conversation)
        except RpcError as error:
            if isinstance(error, FATAL):
                raise
            self._pass_over(job, error)  # the conversation is gone, for example
            return False
        lane.loaded = True
        return True

    async def _outcome(self, seat: Seat, lane: Lane, job: Job) -> Outcome:
        if job.refused is None:
            return await self._attendant.handle(seat, job.message, lane.state)
        if job.refusals == 1:
            return await self._attendant.refused(seat, job.message, lane.state, job.given, job.refused)
        return Outcome(True, [], None, job.given)

    async def _recover(self, lane: Lane) -> None:
        """Put back what was made of a commit that the node does not have, and of all after it."""
        await lane.in_flight.at_zero()
        failed = lane.commits[0]
        jobs = [commit.job for commit in lane.commits]
        lane.commits.clear()
        lane.failed = lane.loaded = lane.proven = False
        if failed.error is not None and not isinstance(failed.error, (AlreadyAnswered, *PASSING)):
            failed.job.refusals += 1
            failed.job.given = failed.given
            failed.job.refused = failed.error
            if failed.job.refusals == TRIES:
                self._pass_over(failed.job, failed.error)
                self._commits.finish(jobs.pop(0))
        self._lanes.put_back(lane, *jobs)
        if isinstance(failed.error, StoreFull):
            await self._desk.clock.sleep(FULL_PAUSE)

    def _pass_over(self, job: Job, error: MepassaError) -> None:
        log.error("%s passes over message %s: %s", self._desk.bot, job.message.id, kind_of(error))
