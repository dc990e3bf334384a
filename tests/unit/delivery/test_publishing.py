"""Publishing where an account is: with clocks that go wrong, blocks at the wrong moment, directories that are down."""

from __future__ import annotations

import itertools

import anyio
import pytest

from mepassad.api import Unreachable
from mepassad.api.directory import Record
from mepassad.api.store import Commit
from mepassad.api.writes import SetSetting
from mepassad.delivery.publisher import PACE, REFRESH
from mepassad.testing.directory import Part, SharedDirectory
from mepassad.testing.nodes import Nodes
from mepassad.wire.records import Kind, record_key
from tests.unit.delivery.found import known_name, name_of

TEN_YEARS = 10 * 365 * 86_400


async def test_a_clock_that_was_years_ahead_once_does_not_make_an_account_unfindable(
    nodes: Nodes, shared: SharedDirectory
) -> None:
    _, bob = await nodes.pair()
    await nodes.in_time(lambda: name_of(bob) in shared.records)
    before, future = shared.records[name_of(bob)].version, int(nodes.clock.now()) + TEN_YEARS
    await bob.node.store.commit(Commit((SetSetting(bob.account, "directory/version/addresses", b"%d" % future),)))
    await nodes.pass_by(REFRESH / 3, times=4)
    assert before < shared.records[name_of(bob)].version <= nodes.clock.now()


async def test_a_version_above_the_clock_that_directories_took_is_followed_by_the_next(
    nodes: Nodes, shared: SharedDirectory
) -> None:
    _, bob = await nodes.pair()
    await nodes.in_time(lambda: name_of(bob) in shared.records)
    ahead = int(nodes.clock.now()) + 80_000
    await bob.node.store.commit(Commit((SetSetting(bob.account, "directory/version/addresses", b"%d" % ahead),)))
    await nodes.pass_by(REFRESH / 3, times=4)
    assert shared.records[name_of(bob)].version == ahead + 1


async def test_a_block_while_records_are_being_published_is_published_as_well(
    nodes: Nodes, shared: SharedDirectory
) -> None:
    ana, bob = await nodes.pair()
    await nodes.in_time(lambda: name_of(ana) in shared.records)
    directories, begun, go = ana.core.lookup.directories, anyio.Event(), anyio.Event()
    publish = directories.publish

    async def slowly(key: bytes, record: Record) -> bool:
        begun.set()
        await go.wait()
        return await publish(key, record)

    eve = await nodes.start("eve")
    await nodes.introduce(ana, eve)
    directories.publish = slowly  # type: ignore[method-assign]
    ana.core.lookup.publisher.hurry()
    await nodes.in_time(begun.is_set)
    await ana.node.contacts.block(ana.account, eve.account, True)
    go.set()
    await nodes.in_time(lambda: name_of(ana) in shared.records, 2)
    assert known_name(bob, ana) == name_of(ana)


async def test_who_is_unblocked_learns_under_what_the_account_is_found_now(
    nodes: Nodes, shared: SharedDirectory
) -> None:
    ana, bob = await nodes.pair()
    await ana.node.contacts.block(ana.account, bob.account, True)
    await nodes.pass_by(5, times=5)
    assert known_name(bob, ana) != name_of(ana)
    await ana.node.contacts.block(ana.account, bob.account, False)
    await nodes.in_time(lambda: known_name(bob, ana) == name_of(ana))


async def test_a_directory_that_was_down_while_another_took_the_record_gets_it_before_the_hour_is_over(
    nodes: Nodes, shared: SharedDirectory
) -> None:
    other = SharedDirectory()
    other.down, nodes.plugins["directory_other"] = True, other
    ana, _ = await nodes.pair()
    await nodes.in_time(lambda: name_of(ana) in shared.records)
    other.down = False
    await nodes.pass_by(20, times=6)
    assert name_of(ana) in other.records


async def test_of_more_accounts_than_a_directory_takes_in_a_minute_none_is_left_out(
    nodes: Nodes, shared: SharedDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    accounts, came = [ana.account], list[float]()
    for number in range(5):
        account, _ = await ana.node.accounts.create(f"account {number}", "person")
        uri, _ = await ana.node.invites.create(account.id, 1, 3600)
        await bob.node.invites.accept(bob.account, uri)
        accounts.append(account.id)
    await nodes.pass_by(5, times=5)
    shared.records.clear()
    publish = Part.publish

    async def three_a_minute(self: Part, key: bytes, record: Record, lifetime: int) -> None:
        came.append(nodes.clock.monotonic())
        if sum(came[-1] - at < 60 for at in came) > 3:
            raise Unreachable
        await publish(self, key, record, lifetime)

    monkeypatch.setattr(Part, "publish", three_a_minute)
    ana.core.lookup.publisher.hurry()
    numbers = [ana.core.lookup.numbers.of(account).number() for account in accounts]
    names = {record_key(Kind.ADDRESSES, number) for number in numbers}
    await nodes.in_time(lambda: names <= shared.records.keys(), 10)
    assert min(later - at for at, later in itertools.pairwise(came)) >= PACE
