"""Looking for contacts where directories and contacts mean no good."""

from __future__ import annotations

import os
from collections.abc import Sequence

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from mepassad.api.directory import Record
from mepassad.api.node_id import key_from_node_id
from mepassad.api.types import AccountId
from mepassad.bus import Change
from mepassad.delivery import directory
from mepassad.delivery.directory import Directories
from mepassad.delivery.finder import AT_ONCE, FIRST
from mepassad.testing.clock import ManualClock
from mepassad.testing.component import Lines
from mepassad.testing.directory import SharedDirectory
from mepassad.testing.nodes import Nodes, RunningNode
from mepassad.wire.hints import MAILBOX
from mepassad.wire.messages_pb2 import NodeHint, Places, Whereabouts
from mepassad.wire.records import Kind, record_key, write_record
from tests.unit.delivery.found import name_of

OWNER = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1")
KEY = record_key(Kind.ADDRESSES, OWNER.public_key().public_bytes_raw())


def written(who: RunningNode, version: int, addresses: Sequence[str]) -> Record:
    """A record by which somebody says to be at these addresses."""
    number = who.core.lookup.numbers.of(who.account)
    found = Whereabouts(nodes=[NodeHint(key=key_from_node_id(who.node_id), addresses=addresses)])
    value = write_record(Kind.ADDRESSES, number.owner(), number.key, found, version, os.urandom(12))
    return Record(value, version)


async def test_a_contact_who_says_something_else_at_each_look_is_looked_for_no_more_often(
    nodes: Nodes, shared: SharedDirectory
) -> None:
    ana, bob = await nodes.pair()
    await nodes.in_time(lambda: name_of(bob) in shared.records)
    name, now, looks = name_of(bob), int(nodes.clock.now()), 0

    def answer(key: bytes) -> Record | None:
        nonlocal looks
        looks += key == name
        if looks > 20:
            return None  # so that a node that asks without end does not keep this test
        return written(bob, now + looks, [f"/memory/{looks}"]) if key == name else None

    shared.answer = answer
    nodes.cut(ana, bob)
    await nodes.pass_by(1, times=6 * int(FIRST))
    assert 2 <= looks <= 4


async def test_of_a_contact_who_was_online_the_waits_begin_anew(nodes: Nodes, shared: SharedDirectory) -> None:
    ana, bob = await nodes.pair()
    nodes.cut(ana, bob)
    await nodes.pass_by(60, times=30)
    nodes.heal(ana, bob)
    await nodes.in_time(lambda: ana.core.router.online(ana.contact(bob)), 5)
    await nodes.pass_by(15)
    nodes.cut(ana, bob)
    shared.asked.clear()
    await nodes.pass_by(2, times=20)
    assert shared.asked.count(name_of(bob)) >= 2


async def test_many_who_are_away_are_looked_for_in_turn(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    finder, looked, go = ana.core.lookup.finder, list[bytes](), anyio.Event()

    async def find(key: bytes, seen: int, hints: object) -> None:
        looked.append(key)
        await go.wait()

    finder._directories.find = find  # type: ignore[method-assign,assignment]
    for number in range(3 * AT_ONCE):
        finder.seek(replace(ana.contact(bob), id=AccountId(str(number))))
    await anyio.wait_all_tasks_blocked()
    assert len(looked) == AT_ONCE
    go.set()
    await nodes.in_time(lambda: len(looked) >= 3 * AT_ONCE)


class Answering:
    """A directory that has one record, and hands it out when told to."""

    def __init__(self, name: str, version: int, go: anyio.Event) -> None:
        self.name, self._version, self._go = name, version, go

    async def find(self, key: bytes) -> Record:
        await self._go.wait()
        value = write_record(Kind.ADDRESSES, OWNER, bytes(32), Whereabouts(), self._version, bytes(12))
        return Record(value, 2**63)


async def found(seen: int, late: bool) -> int:
    """The version that is found where one directory has an old record at once, and another the newest, perhaps `late`;
    counted from the old one on."""
    clock, at_once, later = ManualClock(), anyio.Event(), anyio.Event()
    directories, old = Directories(clock, Lines()), int(clock.now()) - 100
    directories.up = lambda: [Answering("stale", old, at_once), Answering("slow", old + 100, later)]  # type: ignore[list-item]
    at_once.set()
    async with anyio.create_task_group() as tasks:

        async def answer_late() -> None:
            await anyio.sleep(3 * directory.LINGER)
            later.set()

        tasks.start_soon(answer_late if late else anyio.lowlevel.checkpoint)
        if not late:
            later.set()
        record = await directories.find(KEY, old + seen, {})
    assert record is not None
    return record.version - old


async def test_a_directory_that_hands_out_an_old_record_at_once_does_not_hide_a_newer_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(directory, "LINGER", 0.05)
    assert await found(0, late=True) == 100
    assert await found(-1, late=False) == 100
    assert await found(-1, late=True) == 0  # news: whoever is looked for is dialled at once, and looked for again


async def test_what_was_seen_under_an_old_number_does_not_count_under_a_new_one(
    nodes: Nodes, shared: SharedDirectory
) -> None:
    ana, bob = await nodes.pair()
    await nodes.in_time(lambda: name_of(bob) in shared.records)
    seen = int(nodes.clock.now()) + 80_000  # by a clock that was ahead, before the account was restored
    ana.core.lookup.finder._seen[(ana.account, bob.account), Kind.ADDRESSES] = b"/mepassa/addresses/old", seen
    shared.answer = {name_of(bob): written(bob, int(nodes.clock.now()), ["/memory/elsewhere"])}.get
    nodes.cut(ana, bob)
    await nodes.in_time(lambda: "/memory/elsewhere" in ana.contact(bob).nodes[bob.node_id])


async def test_mailboxes_that_a_contact_told_stay_known_beside_those_of_an_older_record(
    nodes: Nodes, shared: SharedDirectory
) -> None:
    ana, bob = await nodes.pair()
    told, old = (NodeHint(key=bytes([n]) * 32, addresses=["/memory/box"], roles=MAILBOX) for n in (1, 2))
    places = Places.FromString(ana.contact(bob).places)
    places.mailboxes.append(told)
    change = Change()
    ana.node.contacts.put_quietly(change, replace(ana.contact(bob), places=places.SerializeToString()))
    await ana.node.bus.keep(change)
    number = bob.core.lookup.numbers.of(bob.account)
    found, version = Whereabouts(mailboxes=[old]), int(nodes.clock.now())
    value = write_record(Kind.ADDRESSES, number.owner(), number.key, found, version, bytes(12))
    shared.answer = {name_of(bob): Record(value, version)}.get
    nodes.cut(ana, bob)
    await nodes.in_time(lambda: len(Places.FromString(ana.contact(bob).places).mailboxes) == 2)
    assert list(Places.FromString(ana.contact(bob).places).mailboxes) == [old, told]
