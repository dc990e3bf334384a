"""Noticing that the network changed: by what the kernel says, or by looking where it says nothing."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

import anyio
import pytest

from mepassad import network
from mepassad.network import LOOK, SETTLE, Machine, look
from mepassad.testing.clock import ManualClock
from mepassad.testing.nodes import eventually


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> list[frozenset[tuple[object, ...]]]:
    """What there is to be seen, now and at each next look; the last one stays."""
    seen = [frozenset([("a",)])]
    monkeypatch.setattr(network, "look", lambda: seen.pop(0) if len(seen) > 1 else seen[0])
    return seen


class Notices:
    """A kernel that tells when a test does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kernel, self.node = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.node.setblocking(False)
        monkeypatch.setattr(network, "_subscribe", lambda: self.node)

    def tell(self) -> None:
        self.kernel.send(b"something")


@pytest.fixture
def notices(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notices]:
    notices = Notices(monkeypatch)
    yield notices
    notices.kernel.close()
    notices.node.close()


async def test_changes_that_come_together_are_one_and_noise_is_none(
    pictures: list[frozenset[tuple[object, ...]]], notices: Notices
) -> None:
    clock, changes = ManualClock(), 0
    machine = Machine(clock)

    async def count() -> None:
        nonlocal changes
        while True:
            await machine.change()
            changes += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(count)
        for expected, now in enumerate((frozenset([("b",)]), frozenset([("c",)])), 1):
            for _ in range(5):
                notices.tell()
            await eventually(lambda: clock.waits == (pytest.approx(SETTLE),))
            pictures[:] = [now]
            clock.advance(SETTLE)
            await eventually(lambda expected=expected: changes == expected)  # type: ignore[misc]
        notices.tell()  # of something that no connection goes by
        await eventually(lambda: clock.waits == (pytest.approx(SETTLE),))
        clock.advance(SETTLE)
        await anyio.wait_all_tasks_blocked()
        assert (changes, clock.waits) == (2, ())
        tasks.cancel_scope.cancel()
    machine.close()


async def test_where_nobody_tells_the_node_looks_every_few_seconds(
    pictures: list[frozenset[tuple[object, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> socket.socket:
        raise PermissionError(errno.EPERM, "not in this sandbox")

    clock = ManualClock()
    with monkeypatch.context() as sandbox:
        sandbox.setattr(socket, "socket", refuse)
        machine = Machine(clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(machine.change)
        for changed in (False, True):
            await eventually(lambda: clock.waits == (LOOK,))
            if changed:
                pictures[:] = [frozenset([("b",)])]
            clock.advance(LOOK)
    machine.close()


def test_what_is_seen_stays_the_same_while_nothing_changes() -> None:
    assert look() == look()


def test_where_the_kernel_does_not_answer_the_addresses_towards_others_are_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(kind: int) -> Iterator[bytes]:
        raise PermissionError(errno.EPERM, "not in this sandbox")
        yield b""

    monkeypatch.setattr(network, "_dump", refuse)
    monkeypatch.setattr(network, "ELSEWHERE", ((socket.AF_INET, "127.9.9.9"),))
    assert look() == {(socket.AF_INET, "127.0.0.1")}


@pytest.mark.parametrize("junk", [b"", b"\xff" * 7, b"\x9c\x01\xe0"])
def test_what_the_kernel_says_in_words_we_do_not_know_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, junk: bytes
) -> None:
    monkeypatch.setattr(network, "_dump", lambda kind: iter([junk]))
    monkeypatch.setattr(network, "ELSEWHERE", ((socket.AF_INET, "127.9.9.9"),))
    assert look() == {(socket.AF_INET, "127.0.0.1")}


ADDRESS = struct.pack("=BBBBI", socket.AF_INET, 24, 0, 0, 7) + struct.pack("=HH4s", 8, 2, b"\xc0\x00\x02\x01")


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (ADDRESS, ("address", b"\xc0\x00\x02\x01", 7, True)),
        (ADDRESS[:4] + struct.pack("=I", 8) + ADDRESS[8:], ("address", b"\xc0\x00\x02\x01", 8, False)),
        (ADDRESS[:3] + b"\xfd" + ADDRESS[4:], None),  # of its link only
        (ADDRESS[:2] + b"\x40" + ADDRESS[3:], None),  # not known to be free yet
    ],
)
def test_addresses_count_that_others_could_reach(body: bytes, seen: object) -> None:
    assert network._address(body, {7}) == seen


def route(size: int = 0, table: int = 254, kind: int = 1, flags: int = 0) -> bytes:
    fixed = struct.pack("=8BI", socket.AF_INET, size, 0, 0, table, 0, 0, kind, flags)
    return fixed + struct.pack("=HHI", 8, 4, 3) + struct.pack("=HH4s", 8, 5, b"\xc0\x00\x02\x01")


def test_default_routes_count_and_halves_of_one_and_no_others() -> None:
    seen = ("route", socket.AF_INET, 0, None, b"\x03\x00\x00\x00", b"\xc0\x00\x02\x01", None)
    assert network._route(route()) == seen
    assert network._route(route(size=1)) is not None
    for other in (route(size=2), route(table=255), route(kind=6), route(flags=0x200)):
        assert network._route(other) is None


def test_junk_in_what_the_kernel_says_is_no_attribute() -> None:
    for junk in (b"\0" * 8, b"\x03\0\0\0" * 4, b"\xff\xff\x02\0", os.urandom(64), b"abc"):
        network._attributes(junk)  # ends, and raises nothing
