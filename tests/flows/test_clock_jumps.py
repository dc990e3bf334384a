"""A clock that is set forward or back: nothing is lost, and nothing ends before the configuration says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from mepassad.testing.clock import START, ManualClock
from mepassad.testing.nodes import Nodes, RunningNode, eventually, living

HOUR, DAY, YEAR = 3600, 86_400, 365 * 86_400


async def exchange(nodes: Nodes, one: RunningNode, other: RunningNode, word: str) -> None:
    """Each writes to the other and learns that it was delivered."""
    for sender, reader in ((one, other), (other, one)):
        message = await sender.say(reader, f"{word} from {sender.account[-4:]}")

        async def delivered(sender: RunningNode = sender, message=message) -> bool:
            return await sender.state(message) == "delivered"

        await nodes.in_time(delivered)
        assert reader.texts().count(message.text) == 1


@pytest.mark.parametrize("jump", [-YEAR, -10 * DAY, -1, 1, HOUR, 10 * DAY, 13 * DAY])
async def test_a_chat_goes_on_whatever_the_clock_is_set_to(tmp_path: Path, jump: float) -> None:
    async with living(tmp_path) as nodes:
        ana, bruno = await nodes.start("ana"), await nodes.start("bruno")
        await nodes.introduce(ana, bruno)
        await exchange(nodes, ana, bruno, "before")
        nodes.clock.jump(jump)
        await exchange(nodes, ana, bruno, "after")
        nodes.clock.jump(-jump)
        await exchange(nodes, ana, bruno, "again")
        assert not ana.facts("message.failed")
        assert not bruno.facts("message.failed")
        for node, other in ((ana, bruno), (bruno, ana)):
            page = await node.node.store.messages(node.account, node.contact(other).conversation, 10, None)
            own = [message.text.split()[0] for message in page.items[::-1] if not message.incoming]
            assert own == ["before", "after", "again"]  # one's own stay in the order of writing


async def test_what_waits_outlives_a_clock_that_jumps_less_than_its_life(tmp_path: Path) -> None:
    async with living(tmp_path) as nodes:
        ana, bruno = await nodes.start("ana"), await nodes.start("bruno")
        await nodes.introduce(ana, bruno)
        nodes.cut(ana, bruno)
        message = await ana.say(bruno, "waits")
        for jump in (13 * DAY, -YEAR, YEAR):
            nodes.clock.jump(jump)
            await nodes.pass_by(61, 3)  # upkeep looks for what has expired
            assert await ana.state(message) == "queued"
        nodes.heal(ana, bruno)

        async def delivered() -> bool:
            return await ana.state(message) == "delivered"

        await nodes.in_time(delivered, 60)
        assert bruno.texts() == ["waits"]


async def test_what_waits_longer_than_the_configuration_says_expires_and_says_so(tmp_path: Path) -> None:
    async with living(tmp_path) as nodes:
        ana, bruno = await nodes.start("ana", delivery__expire_days=2), await nodes.start("bruno")
        await nodes.introduce(ana, bruno)
        nodes.cut(ana, bruno)
        message = await ana.say(bruno, "too late")
        nodes.clock.jump(2 * DAY - 600)
        await nodes.pass_by(61)
        assert await ana.state(message) == "queued"
        nodes.clock.jump(600)

        async def expired() -> bool:
            return await ana.state(message) == "expired"

        await nodes.in_time(expired, 61)
        (failed,) = ana.facts("message.failed")
        assert (failed["state"], failed["message_id"]) == ("expired", message.id)
        assert failed["reason"]


async def test_an_invite_lives_by_its_makers_clock_also_after_a_jump(tmp_path: Path) -> None:
    async with living(tmp_path) as nodes:
        ana, bruno = await nodes.start("ana"), await nodes.start("bruno")
        uri, expires_at = await ana.node.invites.create(ana.account, 1, DAY)
        nodes.clock.jump(-10 * DAY)
        nodes.clock.jump(10 * DAY + DAY - HOUR)
        assert nodes.clock.now() < expires_at
        await bruno.node.invites.accept(bruno.account, uri)
        await eventually(lambda: bruno.contact(ana).state == "accepted")


@pytest.mark.parametrize("behind", [HOUR, 20 * HOUR])
async def test_two_whose_clocks_differ_by_hours_meet_and_chat(tmp_path: Path, behind: float) -> None:
    async with living(tmp_path) as nodes:
        ana = await nodes.start("ana")
        nodes.clock, right = ManualClock(START - behind), nodes.clock
        bruno = await nodes.start("bruno")
        uri, _ = await ana.node.invites.create(ana.account, 1, 7 * DAY)
        await bruno.node.invites.accept(bruno.account, uri)

        async def move() -> None:
            right.advance(1)
            await nodes.pass_by(1)

        async def met() -> bool:
            await move()
            known = ana.node.contacts.find(ana.account, bruno.account)
            return known is not None and bruno.contact(ana).state == known.state == "accepted"

        await eventually(met)
        for sender, reader in ((ana, bruno), (bruno, ana)):
            await sender.say(reader, "apesar da hora")

            async def heard(reader: RunningNode = reader) -> bool:
                await move()
                return reader.texts() == ["apesar da hora"]

            await eventually(heard)


async def test_a_restart_under_a_clock_set_back_keeps_keys_sessions_and_numbers(tmp_path: Path) -> None:
    async with living(tmp_path) as nodes:
        ana, bruno = await nodes.start("ana"), await nodes.start("bruno")
        await nodes.introduce(ana, bruno)
        await exchange(nodes, ana, bruno, "before")
        nodes.clock.jump(-60 * DAY)
        ana = await nodes.restart("ana")
        newest = ana.node.bus.newest
        assert newest > 0

        await nodes.in_time(lambda: bool(ana.core.router.links.all()))
        bruno.events.clear()
        ana_says = await ana.say(bruno, "depois")
        await eventually(lambda: bruno.texts() == ["depois"])

        async def delivered() -> bool:
            return await ana.state(ana_says) == "delivered"

        await nodes.in_time(delivered)
        await eventually(lambda: ana.node.bus.newest > newest)
