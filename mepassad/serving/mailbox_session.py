"""One stream to the mailbox: its requests, checked and answered, and the news of the boxes it watches."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup

from mepassad.api.mailbox import Deposit, MailboxReason
from mepassad.api.transport import Stream
from mepassad.errors import (
    InvalidSignature,
    MailboxBusy,
    MailboxClosed,
    MailboxNotAdmitted,
    MailboxRefused,
    MailboxTooLarge,
    MalformedFrame,
    MepassaError,
)
from mepassad.serving.answers import Answers
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.mailbox import (
    CHALLENGE,
    FETCHED,
    MAX_BLOB,
    MAX_FRAME,
    MAX_ITEMS,
    MAX_PUT,
    Listener,
    items,
    owners,
    parse,
    reason_of,
)
from mepassad.wire.messages_pb2 import MailboxAnswer, MailboxEnvelope, MailboxHello, MailboxRequest

if TYPE_CHECKING:
    from mepassad.serving.mailbox import MailboxServer

IN_FLIGHT = 256  # requests of a stream that are dealt with at once; beyond, it is not read
IN_FLIGHT_BYTES = 4 << 20  # bytes that they write; one that begins below it still goes
ALONE = ("fetch", "take")  # whose answers are large: one after the other, so that few of them are in memory
FORGED = 64  # requests that one counts as whose signature does not hold
CHECKED = 16  # signatures checked before others have their turn

NUMBER = 32  # bytes

Handler = Callable[[MailboxRequest, MailboxAnswer], Awaitable[None]]


class Session:
    """A stream, from its hello until it ends."""

    def __init__(self, stream: Stream, server: MailboxServer) -> None:
        """`run` is to be called once."""
        self._stream, self._server = stream, server
        self.node, self.watched = stream.peer, set[bytes]()
        challenge = os.urandom(CHALLENGE)
        self._listener = Listener(server.node_key, challenge)
        self._hello = MailboxHello(
            challenge=challenge,
            max_envelope=server.config.max_envelope,
            max_hours=server.config.ttl_days * 24,
            max_items=MAX_ITEMS,
            pass_needed=server.config.admit == "pass" and not server.admission.admits(stream.peer),
        )
        self.unfinished = 0  # bytes of a request that is not whole yet, see `MailboxServer.kept`
        self._last = 0  # the id of the newest request
        self._running = self._arriving = 0
        self._puts: dict[int, Deposit] = {}
        self._answers = Answers(stream)
        self.tell = self._answers.tell
        self._tasks: TaskGroup
        self._scope = anyio.CancelScope()
        self._allowance = server.requests_of(stream.peer)
        self._handlers: Mapping[str, Handler] = {
            "open": self._open,
            "close": self._close,
            "fetch": self._fetch,
            "watch": self._watch,
            "ack": self._ack,
            "publish": self._publish,
            "take": self._take,
        }

    def abort(self) -> None:
        """End the stream at once, whatever it waits for."""
        self._stream.abort()
        self._scope.cancel()

    async def run(self) -> None:
        """Answer until the stream ends. Raises `MalformedFrame`, `FrameTooLarge`."""
        try:
            with self._scope:
                await self._server.ready()
                self._stream.write(pack(self._hello.SerializeToString()))
                async with anyio.create_task_group() as tasks:
                    self._tasks = tasks
                    tasks.start_soon(self._answers.run)
                    await self._read()
                    tasks.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            self._stream.abort()
            self._count(0, -self._arriving)  # of what was read and not begun

    async def _read(self) -> None:
        splitter = Splitter(MAX_FRAME)
        while data := await self._stream.read():
            for raw in splitter.feed(data):
                request = parse(MailboxRequest, raw)
                self._last += 1
                if request.id != self._last:  # so no signature is good for a second time
                    raise MalformedFrame
                await self._turn()
                self._allowance.take(max(1, min(items(request), MAX_ITEMS)))
                if items(request) > MAX_ITEMS:
                    raise MalformedFrame
                if request.HasField("put"):
                    self._take_put(request)
                else:
                    self._begin_puts()  # requests are begun in their order
                    await self._begin(request)
            self._begin_puts()
            self._server.kept(self, splitter.unfinished)

    async def _turn(self) -> None:
        """Wait until this node may ask for more, and has read what it was answered."""
        while (wait := self._allowance.debt(self._server.clock.monotonic())) > 0:
            self._begin_puts()
            await self._server.clock.sleep(wait)
        while self._running >= IN_FLIGHT or self._arriving >= IN_FLIGHT_BYTES or self._answers.full:
            self._begin_puts()
            await self._answers.eased()

    async def _begin(self, request: MailboxRequest) -> None:
        operation = request.WhichOneof("operation") or ""
        if operation not in self._handlers:
            self._answers.send(MailboxAnswer(id=request.id, refusal=MailboxReason.UNKNOWN))
            return
        try:
            await self._check(request)
        except InvalidSignature as error:
            self._allowance.take(FORGED)
            self._answers.send(MailboxAnswer(id=request.id, refusal=reason_of(error)))
            return
        self._count(1, 0)
        if operation in ALONE:
            await self._do(request, self._handlers[operation])
        else:
            self._tasks.start_soon(self._do, request, self._handlers[operation])

    def _count(self, requests: int, size: int) -> None:
        self._running += requests
        self._arriving += size
        self._server.arrives(self.node, size)

    async def _do(self, request: MailboxRequest, handler: Handler) -> None:
        answer = MailboxAnswer(id=request.id)
        try:
            await handler(request, answer)
        except MepassaError as error:
            self._tell(error)
            answer = MailboxAnswer(id=request.id, refusal=reason_of(error))
        finally:
            self._count(-1, 0)
            self._answers.ease()
        self._answers.send(answer)

    def _tell(self, error: MepassaError) -> None:
        if not isinstance(error, MailboxRefused):
            self._server.log.warning("the mailbox failed at a request", reason=error.sentence)

    # -- deposits, those of one read together

    def _take_put(self, request: MailboxRequest) -> None:
        put, server = request.put, self._server
        deposit = Deposit(put.numbers, put.sealed, server.expiry(put.hours))
        if not 0 < len(put.sealed) <= server.config.max_envelope or _written(deposit) > MAX_PUT:
            self._answers.send(MailboxAnswer(id=request.id, refusal=MailboxReason.TOO_LARGE))
        elif any(len(number) != NUMBER for number in put.numbers):
            self._answers.send(MailboxAnswer(id=request.id, refusal=MailboxReason.CLOSED))
        elif server.crowded(self.node):
            self._answers.send(MailboxAnswer(id=request.id, refusal=MailboxReason.BUSY))
        else:
            self._count(1, _written(deposit))
            self._puts[request.id] = deposit

    def _begin_puts(self) -> None:
        if self._puts:
            self._tasks.start_soon(self._put, self._puts)
            self._puts = {}

    async def _put(self, puts: Mapping[int, Deposit]) -> None:
        try:
            with anyio.CancelScope(shield=True):  # what is durable is news, also where its sender has gone
                found = await self._server.mailbox.put(list(puts.values()))
        except MepassaError as error:
            self._tell(error)
            for one in puts:
                self._answers.send(MailboxAnswer(id=one, refusal=reason_of(error)))
            return
        finally:
            self._count(-len(puts), -sum(map(_written, puts.values())))
            self._answers.ease()
        for (one, deposit), each in zip(puts.items(), found, strict=True):
            self._answers.send(MailboxAnswer(id=one, refusals=[max(0, refusal) for refusal in each]))
            self._server.came(number for number, refusal in zip(deposit.numbers, each, strict=True) if not refusal)

    # -- who asks

    async def _check(self, request: MailboxRequest) -> None:
        """Raises `InvalidSignature` unless all owners signed that must have."""
        for count, (operation, owner, named) in enumerate(owners(request)):
            if count % CHECKED == CHECKED - 1:
                await anyio.lowlevel.checkpoint()
            self._listener.check(owner.signature, operation, request.id, owner.number, named)

    # -- operations

    async def _open(self, request: MailboxRequest, answer: MailboxAnswer) -> None:
        if not self._server.admission.admits(self.node):
            raise MailboxNotAdmitted
        allowance, clock = self._server.openings_of(self.node), self._server.clock
        numbers = [owner.number for owner in request.open.boxes]
        most, fresh = min(allowance.left(clock.monotonic()), len(numbers)), 0
        allowance.take(most)  # before others are under way, and given back below
        try:
            with anyio.CancelScope(shield=True):  # who leaves now has opened them all the same
                opened = self._server.mailbox.open(self.node.encode(), numbers, int(clock.now()), most)
                left, fresh = await opened
        finally:
            allowance.take(fresh - most)
        answer.left.extend(left)

    async def _close(self, request: MailboxRequest, answer: MailboxAnswer) -> None:
        await self._server.mailbox.close(request.close.box.number)

    async def _fetch(self, request: MailboxRequest, answer: MailboxAnswer) -> None:
        fetch = request.fetch
        limit = max(1, min(fetch.limit, MAX_ITEMS))
        for one in await self._server.mailbox.fetch(fetch.box.number, fetch.after, limit, FETCHED):
            expires = one.expires_at // 3600
            answer.envelopes.append(MailboxEnvelope(sealed=one.sealed, cursor=one.cursor, expires_at=expires))

    async def _watch(self, request: MailboxRequest, answer: MailboxAnswer) -> None:
        if not self._server.admission.admits(self.node):
            raise MailboxNotAdmitted
        numbers = [owner.number for owner in request.watch.boxes]
        if not all(await self._server.mailbox.holds(numbers)):
            raise MailboxClosed
        self._server.watch(self, numbers)

    async def _ack(self, request: MailboxRequest, answer: MailboxAnswer) -> None:
        await self._server.mailbox.ack(request.ack.box.number, request.ack.ids)

    async def _publish(self, request: MailboxRequest, answer: MailboxAnswer) -> None:
        publish = request.publish
        blobs = [*publish.one_time, publish.last_resort]
        if any(len(blob) > MAX_BLOB for blob in blobs) or not all(publish.one_time):
            raise MailboxTooLarge
        left = await self._server.mailbox.publish(
            publish.box.number, publish.one_time, publish.last_resort, publish.replace
        )
        answer.left.append(left)

    async def _take(self, request: MailboxRequest, answer: MailboxAnswer) -> None:
        number = request.take.number
        if not self._server.may_ask(self.node):
            raise MailboxBusy
        if len(number) != NUMBER or not all(await self._server.mailbox.holds([number])):
            raise MailboxClosed  # and what does not exist is not counted
        blob = await self._server.mailbox.take(number, self._server.may_take(number))
        if blob is not None:
            answer.blob = blob


def _written(deposit: Deposit) -> int:
    """Bytes that a deposit writes, if all its boxes are open."""
    return len(deposit.sealed) * len(deposit.numbers)
