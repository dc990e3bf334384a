"""What came of messages, on its way to the node: many commits at once, each conversation's in order."""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio

from mepassa.bot.attend import Outcome
from mepassa.bot.count import Count
from mepassa.bot.lanes import Commit, Job, Lane, Lanes
from mepassa.bot.node import FATAL, Node
from mepassa.bot.progress import Progress
from mepassa.errors import MepassaError

log = logging.getLogger("mepassa.bot")

IN_FLIGHT = 32
"""Commits that the node has not answered yet; it takes up no more calls of one session."""

SAVE_EVERY = 256
"""Messages that are finished without the node being told how far the bot is."""


class Commits:
    """Hands commits to the node and learns what became of them."""

    def __init__(
        self,
        node: Node,
        progress: Progress,
        lanes: Lanes,
        fail: Callable[[MepassaError], None],
    ) -> None:
        """`fail` is called when there is no going on."""
        self._node = node
        self._progress = progress
        self._lanes = lanes
        self._fail = fail
        self._window = anyio.Semaphore(IN_FLIGHT, fast_acquire=True)
        self.in_flight = Count()
        self._untold = 0  # messages finished since the node was last told the place

    async def submit(self, lane: Lane, job: Job, outcome: Outcome) -> bool:
        """Hand over what came of a message. False: a commit before it failed, so it must be dealt with again."""
        if not lane.proven:  # if another run was first, nothing that was made of a wrong state may follow
            await lane.in_flight.at_zero()
        await self._window.acquire()
        if lane.failed:
            self._window.release()
            return False
        answers = [one for one in outcome.answers if not one.sent]
        commit = Commit(job, lane.after, answers, outcome.state, outcome.given)
        lane.commits.append(commit)
        lane.in_flight.up()
        self.in_flight.up()
        lane.after = job.seq
        if outcome.state is not None:
            lane.state = outcome.state
        self._untold = 0
        self._node.answer(
            lane.conversation,
            commit.after,
            job.seq,
            self._progress.place_with(job.seq),
            [(answer.text, answer.request_id) for answer in commit.answers],
            commit.state,
            lambda error: self._settle(lane, commit, error),
        )
        return True

    def finish(self, job: Job) -> None:
        """A message needs nothing more; now and then the node is told how far that goes."""
        self._progress.finish(job.seq)
        self._untold += 1
        if self._untold >= SAVE_EVERY:
            self._untold = 0
            self._node.save(self._progress.place, lambda error: None)

    def _settle(self, lane: Lane, commit: Commit, error: MepassaError | None) -> None:
        self._window.release()
        commit.settled, commit.error = True, error
        if error is not None:
            lane.failed = True
            if isinstance(error, FATAL):
                self._fail(error)
        else:
            lane.proven = True
        while lane.commits and lane.commits[0].settled and lane.commits[0].error is None:
            self._progress.finish(lane.commits.popleft().job.seq)
        lane.in_flight.down()
        self.in_flight.down()
        self._lanes.landed(lane)
