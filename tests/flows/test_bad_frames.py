"""Bad frames inside `/mepassa/message/1`, from a stranger and from an accepted contact whose node went bad.

Whatever comes, two friends chat meanwhile and notice nothing, and nothing of it stays (`tests/bad_days.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from mepassad.api.transport import Stream
from mepassad.errors import StreamClosed
from mepassad.ground import NODE_KEY
from mepassad.people.keyfiles import KeyFiles
from mepassad.testing.transport_node import Node
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.messages_pb2 import Frame, Refusal
from mepassad.wire.packets import MAX_ANSWERS, MESSAGE_PROTOCOL, packet_id
from tests.bad_days import Chat, bad_day, levels
from tests.daemon import PATIENCE, Daemon, Fleet, Friends, befriend
from tests.rogue import CHANCE, device, ended, frame, hang_up, opened, packet, rogue

RATE, BURST = 1_000, 2_000  # packets that ana takes of one node: a second, and at once


@pytest.fixture(scope="module")
def friends(shared: Fleet) -> Friends:
    """Ana, who takes only so much of one node, and bruno."""
    limits = {"packet_rate": RATE, "packet_burst": BURST}
    return Friends(*shared.start("ana", "bruno", delivery=limits))


@pytest.fixture(scope="module")
def carla(shared: Fleet, friends: Friends) -> Daemon:
    """A contact of ana's whose daemon is down, so that somebody else may speak with its key."""
    (daemon,) = shared.start("carla")

    async def meet() -> None:
        async with friends.ana.session() as ana, daemon.session() as carla:
            await befriend(ana, carla)

    anyio.run(meet)
    daemon.stop()
    return daemon


class Villain:
    """Somebody who is up to no good: a stranger, or a contact, whose key the node then speaks with."""

    def __init__(self, node: Node, ana: Daemon, contact: Daemon | None) -> None:
        self.node, self._ana, self._contact = node, ana, contact
        self.open = lambda: opened(node, ana, MESSAGE_PROTOCOL)

    def packet(self, size: int = 300) -> bytes:
        """A packet to ana that cannot be opened; a contact's is in a session that there is."""
        if self._contact is None:
            return packet(device(self._ana), CHANCE.randbytes(size))
        sender = device(self._contact)
        ((session,),) = self._contact.ask("SELECT id FROM session LIMIT 1")
        return packet(device(self._ana), CHANCE.randbytes(size), bytes(session), sender)


@pytest.fixture(params=["a stranger", "a contact"])
async def villain(
    request: pytest.FixtureRequest, friends: Friends, carla: Daemon, tmp_path: Path
) -> AsyncIterator[Villain]:
    contact = carla if request.param == "a contact" else None
    key = KeyFiles(carla.data / "keys", None).read(NODE_KEY) if contact else None
    async with rogue(tmp_path, key) as node:
        yield Villain(node, friends.ana, contact)


NO_FRAMES: dict[str, Callable[[], bytes]] = {
    "a frame of junk": lambda: pack(b"\x07" + CHANCE.randbytes(5_000)),
    "a length of a gigabyte": lambda: b"\x80\x80\x80\x80\x04" + CHANCE.randbytes(5_000),
    "a length without end": lambda: b"\xff" * 5_000,
    "a length above the limit": lambda: pack(bytes(2 << 20))[:5_000],
    "a million empty packets": lambda: pack(b"\x0a\x00" * 600_000),
    "a million empty acks": lambda: pack(b"\x12\x00" * 600_000),
    "a million empty refusals": lambda: pack(b"\x1a\x00" * 600_000),
    "more acks than a frame may have": lambda: frame(acks=[CHANCE.randbytes(32) for _ in range(MAX_ANSWERS + 1)]),
    "more refusals than a frame may have": lambda: frame(
        refusals=[Refusal(packet=CHANCE.randbytes(32), reason=1) for _ in range(MAX_ANSWERS + 1)]
    ),
    "groups in groups": lambda: pack(b"\x7b" * 100_000),
    "a group that never ends": lambda: pack(b"\x7b" + b"\x78\x01" * 50_000),
}


async def send_no_frames(villain: Villain, chat: Chat | None = None) -> None:
    """Send each on a stream of its own, which ends of it; a chat goes on between them."""
    for what, junk in NO_FRAMES.items():
        stream = await villain.open()
        stream.write(junk())
        assert await ended(stream), what
        if chat is not None:
            await chat.more()


@pytest.mark.parametrize("villain", ["a contact"], indirect=True)
async def test_what_is_no_frame_ends_its_stream_and_no_other(friends: Friends, villain: Villain) -> None:
    await send_no_frames(villain)  # what the allocator keeps of a large frame is kept once, not at each
    async with bad_day(friends) as chat:
        other = await villain.open()
        await send_no_frames(villain, chat)
        assert await answers_on(other, villain)
        await villain.node.stop()


async def test_half_a_frame_and_then_silence_and_then_nobody(friends: Friends, villain: Villain) -> None:
    async with bad_day(friends) as chat:
        for _ in range(3):
            stream = await villain.open()
            stream.write(pack(CHANCE.randbytes(1 << 20))[: 1 << 19])
            await stream.drain()
            await chat.more()
        assert (await levels(friends.ana))["links"] >= 4
        await hang_up(villain.node)


async def test_packets_without_end_are_read_at_the_rate_that_is_configured(friends: Friends, villain: Villain) -> None:
    async with bad_day(friends) as chat:
        stream = await villain.open()
        answered, began = 0, anyio.current_time()
        with anyio.move_on_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(pour, stream, frame(packets=[villain.packet() for _ in range(100)]))
                tasks.start_soon(chat.more)
                while data := await stream.read():
                    answered += data.count(b"\x1a\x24")
                    if answered > 100 and anyio.current_time() - began > 2:
                        tasks.cancel_scope.cancel()
        assert 100 < answered <= BURST + RATE * (anyio.current_time() - began) + 100
        await villain.node.stop()


@pytest.mark.parametrize("villain", ["a contact"], indirect=True)
@pytest.mark.parametrize("kind", ["acks", "refusals"])
async def test_answers_without_end_to_what_was_never_sent_change_nothing(
    friends: Friends, villain: Villain, kind: str
) -> None:
    async with bad_day(friends) as chat:
        stream = await villain.open()
        ids = [CHANCE.randbytes(32) for _ in range(MAX_ANSWERS)]
        flood = frame(acks=ids) if kind == "acks" else frame(refusals=[Refusal(packet=id, reason=2) for id in ids])
        for _ in range(200):
            stream.write(flood)
            await stream.drain()
        await chat.more()
        assert await answers_on(stream, villain)
        await villain.node.stop()


async def pour(stream: Stream, data: bytes) -> None:
    """Write without end, as fast as it is taken."""
    with suppress(StreamClosed):
        while True:
            stream.write(data)
            await stream.drain()


async def answers_on(stream: Stream, villain: Villain) -> bool:
    """Whether ana still answers a packet on this stream, which she refuses."""
    asked, splitter = villain.packet(), Splitter(1 << 20)
    stream.write(frame(packets=[asked]))
    with anyio.fail_after(PATIENCE):
        while heard := await stream.read():
            frames = [Frame.FromString(raw) for raw in splitter.feed(heard)]
            if any(refusal.packet == packet_id(asked) for one in frames for refusal in one.refusals):
                return True
    return False
