"""What goes out on a stream to the mailbox: answers, and the news of boxes that are watched."""

from __future__ import annotations

import anyio

from mepassad.api.transport import Stream
from mepassad.errors import StreamClosed
from mepassad.wire.framing import pack
from mepassad.wire.mailbox import MAX_ITEMS
from mepassad.wire.messages_pb2 import MailboxAnswer

UNSENT = 1 << 20  # bytes of answers that wait for the node to read; one that begins below it still goes
UNREAD = 30.0  # seconds that a node may leave its answers unread


class Answers:
    """Written together, whenever the node has read what was written before."""

    def __init__(self, stream: Stream) -> None:
        """`run` writes what is sent."""
        self._stream = stream
        self._out: list[bytes] = []
        self._unsent = 0
        self._over = False
        self._news: dict[bytes, None] = {}
        self._work, self._eased = anyio.Event(), anyio.Event()

    def send(self, answer: MailboxAnswer) -> None:
        """Answer a request."""
        raw = pack(answer.SerializeToString())
        self._out.append(raw)
        self._unsent += len(raw)
        self._work.set()

    def tell(self, number: bytes) -> None:
        """Something came for a box that this stream watches; told once, however much it is."""
        self._news[number] = None
        self._work.set()

    @property
    def full(self) -> bool:
        """Whether so much waits that no more should be asked."""
        return self._unsent >= UNSENT

    async def eased(self) -> None:
        """Wait until something was written, or `ease` was called. Raises `StreamClosed` once nothing can be written."""
        if not self._over:
            await self._eased.wait()
        if self._over:
            raise StreamClosed

    def ease(self) -> None:
        """Let those look again who wait."""
        self._eased.set()
        self._eased = anyio.Event()

    async def run(self) -> None:
        """Write until the stream ends, and end it when its node does not read."""
        try:
            while True:
                await self._work.wait()
                self._work = anyio.Event()
                out, self._out, self._unsent = self._out, [], 0
                while self._news:
                    news = [self._news.popitem()[0] for _ in range(min(MAX_ITEMS, len(self._news)))]
                    out.append(pack(MailboxAnswer(news=news).SerializeToString()))
                self._stream.write(b"".join(out))
                with anyio.fail_after(UNREAD):
                    await self._stream.drain()
                self.ease()
        except (StreamClosed, TimeoutError):
            self._over = True
            self._stream.abort()  # what is read ends too
            self.ease()
