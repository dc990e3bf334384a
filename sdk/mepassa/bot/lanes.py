"""Conversations while they are dealt with: the messages that wait in each, in order, and the state they start from."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

from mepassa.bot.context import NO_STATE, Answer
from mepassa.bot.count import Count
from mepassa.bot.message import Message
from mepassa.bot.progress import Progress
from mepassa.errors import MepassaError

ROOM = 4096
"""How much may wait in all conversations together: a message counts one, and one more for each KiB of its text."""

KEPT_BYTES = 16 << 20
"""How much is remembered of conversations in which nothing happens, so that their state need not be read again."""

_LANE_BYTES = 1024  # what is remembered of a conversation besides its state


class Job:
    """A message that is to be dealt with."""

    __slots__ = ("given", "message", "refusals", "refused", "seq", "weight")

    def __init__(self, seq: int, message: Message) -> None:
        self.seq = seq
        self.message = message
        self.weight = 1 + len(message.text) // 1024
        self.refusals = 0
        self.given = 0  # answers until the last refusal
        self.refused: MepassaError | None = None  # why the node did not take what came of it last


class Commit:
    """What came of a message, on its way to the node. `error`: why the node does not have it."""

    __slots__ = ("after", "answers", "error", "given", "job", "settled", "state")

    def __init__(self, job: Job, after: int, answers: list[Answer], state: bytes | None, given: int) -> None:
        """`after`: the event of the conversation that was dealt with before; `state`: JSON, None for unchanged;
        `given`: answers to the message so far, dropped ones included."""
        self.job = job
        self.after = after
        self.answers = answers
        self.state = state
        self.given = given
        self.settled = False
        self.error: MepassaError | None = None


class Lane:
    """One conversation.

    `after` and `state` are as they will be once all of `commits` are kept. `failed`: one of them was not, so what was
    made of it since must be done again.
    """

    def __init__(self, conversation: str) -> None:
        self.conversation = conversation
        self.waiting: deque[Job] = deque()
        self.weight = 0  # of what waits
        self.commits: deque[Commit] = deque()
        self.in_flight = Count()
        self.failed = False
        self.loaded = False
        self.proven = False  # the node has kept something that was made of the state as it was loaded
        self.after = 0
        self.state = NO_STATE
        self.queued = False  # it is being worked on, or its turn will come
        self.last = 0  # the last event that waits or waited
        self.passed_from = 0  # events from here to `passed_to` found no room
        self.passed_to = 0

    @property
    def idle(self) -> bool:
        """Whether nothing happens in it, so that it may be forgotten."""
        return not (self.queued or self.waiting or self.commits or self.passed_from)


class Lanes:
    """All conversations with something to do, and those of late."""

    def __init__(self, progress: Progress, ready: Callable[[Lane], None]) -> None:
        """`ready` is called with a lane that has got something to do."""
        self._progress = progress
        self._ready = ready
        self._lanes: dict[str, Lane] = {}
        self._idle: OrderedDict[str, int] = OrderedDict()  # and the bytes that are remembered of each
        self._idle_bytes = 0
        self._weight = 0  # of all that waits
        self.passed: dict[str, Lane] = {}  # those with events that found no room

    # -- coming in

    def offer(self, seq: int, message: Message) -> None:
        """Let a new message wait. What there is no room for, and what comes after it in its conversation, is passed
        over: `offer_again` must be called with it once the lane is `hungry`.

        One conversation may take half of the room that is left, so that there is some for others however much it
        writes.
        """
        lane = self._of(message.conversation)
        if seq <= lane.last or seq <= lane.passed_to:  # it came again
            self.rest(lane)
        elif lane.passed_from:
            lane.passed_to = seq
        elif not self._enter(lane, Job(seq, message)):
            lane.passed_from = lane.passed_to = seq
            self.passed[lane.conversation] = lane
            self._progress.begin(seq)

    def offer_again(self, lane: Lane, seq: int, message: Message) -> bool:
        """Let the next message that was passed over wait, in order; whether there was room."""
        if seq < lane.passed_from:
            return True
        if not self._enter(lane, Job(seq, message)):
            return False
        self._progress.begin(seq + 1)
        self._progress.finish(lane.passed_from)
        lane.passed_from = seq + 1
        if seq >= lane.passed_to:
            self.caught_up(lane)
        return True

    def caught_up(self, lane: Lane) -> None:
        """Nothing of the lane is passed over any more."""
        self._progress.finish(lane.passed_from)
        lane.passed_from = 0
        del self.passed[lane.conversation]
        self.rest(lane)

    def hungry(self, lane: Lane) -> bool:
        """Whether a lane has room again for what was passed over."""
        return bool(lane.passed_from) and (not lane.waiting or 2 * lane.weight <= ROOM - self._weight)

    def _enter(self, lane: Lane, job: Job) -> bool:
        if lane.waiting and lane.weight + job.weight > ROOM - self._weight:
            return False
        lane.last = job.seq
        lane.waiting.append(job)
        self._count(lane, job.weight)
        self._progress.begin(job.seq)
        self._ready(lane)
        return True

    # -- being dealt with

    def take(self, lane: Lane) -> Job:
        """The next message of a lane."""
        job = lane.waiting.popleft()
        self._count(lane, -job.weight)
        return job

    def put_back(self, lane: Lane, *jobs: Job) -> None:
        """Let messages be the next ones of a lane again."""
        for job in reversed(jobs):
            lane.waiting.appendleft(job)
            self._count(lane, job.weight)

    def end_turn(self, lane: Lane) -> None:
        """Nobody works on the lane any more."""
        lane.queued = False
        if lane.waiting or lane.failed:
            self._ready(lane)
        else:
            self.rest(lane)

    def landed(self, lane: Lane) -> None:
        """A commit of a lane is settled."""
        if lane.failed:
            self._ready(lane)
        else:
            self.rest(lane)

    def _count(self, lane: Lane, weight: int) -> None:
        lane.weight += weight
        self._weight += weight

    # -- being remembered

    def rest(self, lane: Lane) -> None:
        """Remember an idle lane, for as long as there is room to remember."""
        if not lane.idle:
            return
        self._forget(lane.conversation)
        self._idle[lane.conversation] = _LANE_BYTES + len(lane.state)
        self._idle_bytes += _LANE_BYTES + len(lane.state)
        while self._idle_bytes > KEPT_BYTES:
            oldest = next(iter(self._idle))
            self._forget(oldest)
            del self._lanes[oldest]

    def _forget(self, conversation: str) -> None:
        self._idle_bytes -= self._idle.pop(conversation, 0)

    def _of(self, conversation: str) -> Lane:
        lane = self._lanes.get(conversation)
        if lane is None:
            lane = self._lanes[conversation] = Lane(conversation)
        else:
            self._forget(conversation)
        return lane
