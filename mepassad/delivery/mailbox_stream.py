"""One stream to a mailbox node, from the side of those who put something into boxes or own them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import anyio
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api.context import Clock
from mepassad.api.mailbox import Envelope
from mepassad.api.node_id import key_from_node_id
from mepassad.api.transport import Stream
from mepassad.errors import FrameTooLarge, MalformedFrame, MepassaError, StreamClosed, Unreachable
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.mailbox import (
    CHALLENGE,
    MAX_FRAME,
    MAX_ITEMS,
    MAX_PUT,
    Listener,
    Operation,
    acked,
    fetched,
    parse,
    published,
    refused,
)
from mepassad.wire.messages_pb2 import (
    MailboxAck,
    MailboxAnswer,
    MailboxFetch,
    MailboxHello,
    MailboxOwner,
    MailboxPublish,
    MailboxPut,
    MailboxRequest,
    MailboxTake,
)
from mepassad.wire.seal import MAX_ENVELOPE

T = TypeVar("T")


class MailboxLimits(msgspec.Struct, frozen=True):
    """What a node said of itself: bytes of an envelope, hours that one may wait, items of a request, and whether its
    pass has to be shown before boxes are opened."""

    max_envelope: int
    max_hours: int
    max_items: int
    pass_needed: bool


class MailboxStream:
    """A stream to one mailbox node. Requests may be made at once and are answered in any order.

    All raise `MailboxRefused` (`data["reason"]` is the number) when refused, `StreamClosed` once the stream ended, and
    `Unreachable` when the node left a request unanswered for too long. `run` must be running.
    """

    def __init__(self, stream: Stream, clock: Clock, patience: float, splitter: Splitter, hello: MailboxHello) -> None:
        """See `opened`."""
        self.node = stream.peer
        items = min(hello.max_items, MAX_ITEMS)
        self.limits = MailboxLimits(min(hello.max_envelope, MAX_ENVELOPE), hello.max_hours, items, hello.pass_needed)
        self.news: Callable[[bytes], None] = lambda number: None
        self._stream, self._clock, self._patience, self._splitter = stream, clock, patience, splitter
        self._listener = Listener(key_from_node_id(stream.peer), hello.challenge)
        self._last = 0
        self._asked: dict[int, tuple[float, asyncio.Future[MailboxAnswer]]] = {}
        self._over: MepassaError | None = None

    @classmethod
    async def opened(cls, stream: Stream, clock: Clock, patience: float) -> MailboxStream:
        """The stream once the node said hello; `patience`: seconds for that, and for each answer.

        Raises `Unreachable`, also where this is no mailbox node.
        """
        splitter, frames = Splitter(MAX_FRAME), list[bytes]()
        try:
            with anyio.move_on_after(patience):
                while not frames and (data := await stream.read()):
                    frames = splitter.feed(data)
            if len(frames) != 1:
                raise MalformedFrame
            hello = parse(MailboxHello, frames[0])
            if len(hello.challenge) != CHALLENGE or not hello.max_items:
                raise MalformedFrame
        except (MalformedFrame, FrameTooLarge) as error:
            stream.abort()
            raise Unreachable("The node did not answer as a mailbox does.") from error
        return cls(stream, clock, patience, splitter, hello)

    async def run(self) -> None:
        """Read answers and news until the stream ends; then whatever is asked fails. Raises nothing."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch_over)
                await self._read()
                tasks.cancel_scope.cancel()
        finally:
            self._end(StreamClosed())

    def abort(self) -> None:
        """End the stream at once."""
        self._end(StreamClosed())

    # -- owners

    async def open(self, boxes: Sequence[Ed25519PrivateKey]) -> Sequence[int]:
        """Open boxes, or find them open: of each, the one-time blobs left. So many at once as `limits.max_items` are
        opened all or none."""
        left: list[int] = []
        for some in self._portions(boxes):
            left += self._as_many((await self._ask(partial(self._fill_open, some))).left, len(some))
        return left

    async def close(self, box: Ed25519PrivateKey) -> None:
        """Close a box; what lies in it is gone."""
        await self._ask(lambda asked: asked.close.box.CopyFrom(self._owner(asked, box, Operation.CLOSE, b"")))

    async def fetch(self, box: Ed25519PrivateKey, after: int, limit: int) -> Sequence[Envelope]:
        """Envelopes after a cursor, which is good for this stream only; 0: from the beginning. Fewer than `limit` may
        come although there are more: nothing is left when none comes."""

        def fill(asked: MailboxRequest) -> None:
            fetch = MailboxFetch(after=after, limit=min(limit, self.limits.max_items))
            fetch.box.CopyFrom(self._owner(asked, box, Operation.FETCH, fetched(fetch)))
            asked.fetch.CopyFrom(fetch)

        answer = await self._ask(fill)
        cursors = [after, *(one.cursor for one in answer.envelopes)]
        if len(answer.envelopes) > limit or sorted(set(cursors)) != cursors:
            raise self._malformed()  # else whoever goes on after the last would go round for ever
        return [
            Envelope(hashlib.sha256(one.sealed).digest(), one.sealed, one.expires_at * 3600, one.cursor)
            for one in answer.envelopes
        ]

    async def watch(self, boxes: Sequence[Ed25519PrivateKey]) -> None:
        """Have `news` called with the number of each of these boxes, from now on, whenever something came for it."""
        for some in self._portions(boxes):
            await self._ask(partial(self._fill_watch, some))

    async def ack(self, box: Ed25519PrivateKey, ids: Sequence[bytes]) -> None:
        """Have envelopes deleted."""

        def fill(some: Sequence[bytes], asked: MailboxRequest) -> None:
            ack = MailboxAck(ids=some)
            ack.box.CopyFrom(self._owner(asked, box, Operation.ACK, acked(ack)))
            asked.ack.CopyFrom(ack)

        for some in self._portions(ids):
            await self._ask(partial(fill, some))

    async def publish(
        self, box: Ed25519PrivateKey, one_time: Sequence[bytes], last_resort: bytes, replace: bool = False
    ) -> int:
        """Leave blobs for whoever asks: each of `one_time` goes out once, the last resort (empty: the one of before)
        when none is left or they go too fast. How many one-time blobs are there now. `replace`: without those of
        before."""

        def fill(asked: MailboxRequest) -> None:
            publish = MailboxPublish(one_time=one_time, last_resort=last_resort, replace=replace)
            publish.box.CopyFrom(self._owner(asked, box, Operation.PUBLISH, published(publish)))
            asked.publish.CopyFrom(publish)

        return self._as_many((await self._ask(fill)).left, 1)[0]

    # -- others

    async def put(self, numbers: Sequence[bytes], sealed: bytes, hours: int) -> Sequence[int]:
        """Put an envelope into boxes, where it may wait so many hours: of each 0, or the `MailboxReason` against it."""
        refusals: list[int] = []
        for some in self._portions(numbers, max(1, len(sealed))):
            put = MailboxPut(numbers=some, sealed=sealed, hours=hours)
            refusals += self._as_many((await self._ask(partial(_fill_put, put))).refusals, len(some))
        return refusals

    async def take(self, number: bytes) -> bytes | None:
        """A blob that the owner of a box left there, if there is one."""
        answer = await self._ask(lambda asked: asked.take.CopyFrom(MailboxTake(number=number)))
        return answer.blob or None

    # -- asking

    def _portions(self, items: Sequence[T], size: int = 1) -> Iterator[Sequence[T]]:
        """Items for a request each; `size`: bytes that the node writes of each."""
        most = min(self.limits.max_items, MAX_PUT // size)
        return (items[start : start + most] for start in range(0, len(items), most))

    def _fill_open(self, boxes: Sequence[Ed25519PrivateKey], asked: MailboxRequest) -> None:
        asked.open.boxes.extend(self._owner(asked, box, Operation.OPEN, b"") for box in boxes)

    def _fill_watch(self, boxes: Sequence[Ed25519PrivateKey], asked: MailboxRequest) -> None:
        asked.watch.boxes.extend(self._owner(asked, box, Operation.WATCH, b"") for box in boxes)

    def _owner(self, asked: MailboxRequest, box: Ed25519PrivateKey, operation: Operation, named: bytes) -> MailboxOwner:
        number = box.public_key().public_bytes_raw()
        return MailboxOwner(number=number, signature=self._listener.sign(box, operation, asked.id, number, named))

    async def _ask(self, fill: Callable[[MailboxRequest], None]) -> MailboxAnswer:
        """The answer to a request, which is filled once its id is known: the signature is over that."""
        if self._over is not None:
            raise self._over
        if not self._stream.room:
            await self._stream.drain()
        self._last += 1
        request = MailboxRequest(id=self._last)
        fill(request)
        future: asyncio.Future[MailboxAnswer] = asyncio.get_running_loop().create_future()
        self._asked[request.id] = self._clock.monotonic(), future
        try:
            self._stream.write(pack(request.SerializeToString()))
            answer = await future
        finally:
            self._asked.pop(request.id, None)
        if answer.refusal:
            raise refused(answer.refusal)
        return answer

    def _as_many(self, numbers: Sequence[int], count: int) -> Sequence[int]:
        if len(numbers) != count:
            raise self._malformed()
        return numbers

    def _malformed(self) -> MepassaError:
        """The node answers what it was not asked: no more is expected of this stream."""
        self._end(StreamClosed())
        return Unreachable("The mailbox node answers what it was not asked.")

    # -- reading

    async def _read(self) -> None:
        try:
            while data := await self._stream.read():
                for raw in self._splitter.feed(data):
                    self._arrived(parse(MailboxAnswer, raw))
        except (MalformedFrame, FrameTooLarge):
            return

    def _arrived(self, answer: MailboxAnswer) -> None:
        if not answer.id:
            for number in answer.news[:MAX_ITEMS]:
                self.news(number)
        elif (asked := self._asked.pop(answer.id, None)) is not None and not asked[1].done():
            asked[1].set_result(answer)

    async def _watch_over(self) -> None:
        """End a stream on which something was not answered in time."""
        while True:
            await self._clock.sleep(self._patience)
            late = self._clock.monotonic() - self._patience
            if any(begun <= late for begun, _ in self._asked.values()):
                self._end(Unreachable("The mailbox node did not answer in time."))

    def _end(self, error: MepassaError) -> None:
        if self._over is None:
            self._over = error
        for _, future in self._asked.values():
            if not future.done():
                future.set_exception(self._over)
        self._stream.abort()


def _fill_put(put: MailboxPut, asked: MailboxRequest) -> None:
    asked.put.CopyFrom(put)
