"""Invites, good and bad: whoever redeems one becomes a contact, or reads in a sentence why not."""

from __future__ import annotations

from contextlib import suppress

import pytest
from msgspec.structs import replace

from mepassad.errors import InviteExpired, InviteUnknown, InviteUsed
from mepassad.testing.rpc_client import RpcClient, RpcError
from mepassad.wire.invites import format_invite, parse_invite
from tests.daemon import Daemon, Fleet, becomes, befriend, eventually, reaches


@pytest.fixture
def house(shared: Fleet) -> Daemon:
    """Who invites, in all tests of this module."""
    return shared.daemons[0] if shared.daemons else shared.start("house")[0]


@pytest.fixture
def guest(fleet: Fleet, house: Daemon) -> Daemon:
    """A daemon that knows nobody."""
    return fleet.start("guest")[0]


async def refused(rpc: RpcClient, uri: str, sentence: str) -> str:
    """Accept an invite, write a text, and see both refused with this sentence; the contact."""
    accepted = await rpc.call("invites.accept", uri=uri)
    contact = accepted["contact"]
    waiting = []
    if accepted["state"] == "pending":
        with suppress(RpcError):  # it may be refused already
            waiting.append(await rpc.call("messages.send", contact=contact, text="espero"))
    assert (await becomes(rpc, contact, "refused"))["reason"] == sentence
    for message in waiting:
        item = await reaches(rpc, message["message_id"], "failed")
        assert item["reason"] == sentence
    with pytest.raises(RpcError, match="ContactRefused") as later:
        await rpc.call("messages.send", contact=contact, text="e agora?")
    assert sentence in str(later.value)
    return str(contact)


async def test_an_invite_for_one_is_refused_to_the_second(house: Daemon, fleet: Fleet) -> None:
    first, second = fleet.start("first", "second")
    async with house.session() as host, first.session() as one, second.client() as two:
        uri = (await host.call("invites.create", uses=1))["uri"]
        contact = (await one.call("invites.accept", uri=uri))["contact"]
        await becomes(one, contact, "accepted")
        await refused(two, uri, InviteUsed().sentence)
        changes = [event["data"]["state"] for event in two.events if event["topic"] == "contact.changed"]
        assert changes == ["pending", "refused"]
        uri = (await host.call("invites.create"))["uri"]
        await two.call("invites.accept", uri=uri)
        await becomes(two, contact, "accepted")  # a good invite makes good
        sent = await two.call("messages.send", contact=contact, text="enfim")
        await reaches(two, sent["message_id"], "delivered")


async def test_an_invite_for_many_serves_so_many_and_not_one_more(house: Daemon, fleet: Fleet) -> None:
    guests = fleet.start("a", "b", "c")
    async with house.session() as host:
        uri = (await host.call("invites.create", uses=2))["uri"]
        for daemon in guests[:2]:
            async with daemon.session() as rpc:
                contact = (await rpc.call("invites.accept", uri=uri))["contact"]
                await becomes(rpc, contact, "accepted")
        async with guests[2].session() as rpc:
            await refused(rpc, uri, InviteUsed().sentence)


async def test_two_who_redeem_the_last_use_at_once_are_not_both_let_in(house: Daemon, fleet: Fleet) -> None:
    first, second = fleet.start("first", "second")
    async with house.session() as host, first.session() as one, second.session() as two:
        uri = (await host.call("invites.create", uses=1))["uri"]
        for rpc in (one, two):
            await rpc.begin("invites.accept", uri=uri)
        contact = (await host.call("identity.show"))["account"]
        states = set()
        for rpc in (one, two):

            async def state(rpc: RpcClient = rpc) -> str:
                listed = (await rpc.call("contacts.list"))["items"]
                return str(listed[0]["state"]) if listed else "none"

            states.add(await eventually(state, lambda found: found in ("accepted", "refused")))
        assert states == {"accepted", "refused"}
        assert contact


async def test_an_expired_invite_is_refused_by_its_guest_already(house: Daemon, guest: Daemon) -> None:
    async with house.session() as host, guest.session() as rpc:
        link = parse_invite((await host.call("invites.create"))["uri"])
        stale = format_invite(replace(link, expires_at=1_700_000_000 // 3600 * 3600))
        with pytest.raises(RpcError, match="InviteExpired"):
            await rpc.call("invites.accept", uri=stale)
        assert (await rpc.call("contacts.list"))["items"] == []


async def test_an_invite_whose_expiry_was_moved_is_refused_by_its_maker(house: Daemon, guest: Daemon) -> None:
    async with house.session() as host, guest.client() as rpc:
        link = parse_invite((await host.call("invites.create", expires_in=1))["uri"])
        stretched = format_invite(replace(link, expires_at=link.expires_at + 86_400))
        number = link.number.hex()

        async def over() -> bool:
            return bool(house.ask(f"SELECT 1 FROM invite WHERE number = x'{number}' AND expires_at <= unixepoch()"))

        await eventually(over, bool)
        await refused(rpc, stretched, InviteExpired().sentence)


async def test_an_invite_with_another_secret_is_refused_by_its_maker(house: Daemon, guest: Daemon) -> None:
    async with house.session() as host, guest.client() as rpc:
        uri = (await host.call("invites.create"))["uri"]
        forged = format_invite(replace(parse_invite(uri), secret=bytes(16)))
        contact = await refused(rpc, forged, InviteUnknown().sentence)
        await rpc.call("invites.accept", uri=uri)  # the true one is still good: the forgery did not use it up
        await becomes(rpc, contact, "accepted")


async def test_an_invite_with_another_number_is_refused_by_its_maker(house: Daemon, guest: Daemon) -> None:
    async with house.session() as host, guest.client() as rpc:
        uri = (await host.call("invites.create"))["uri"]
        await refused(rpc, format_invite(replace(parse_invite(uri), number=bytes(32))), InviteUnknown().sentence)


async def test_an_invite_in_the_name_of_somebody_else_makes_no_contact(
    house: Daemon, guest: Daemon, fleet: Fleet
) -> None:
    (other,) = fleet.start("other")
    async with house.session() as host, guest.session() as rpc, other.session() as third:
        link = parse_invite((await host.call("invites.create"))["uri"])
        foreign = parse_invite((await third.call("invites.create"))["uri"])
        mixed = await rpc.call("invites.accept", uri=format_invite(replace(link, account=foreign.account)))
        assert mixed["contact"] == (await third.call("identity.show"))["account"]
        honest = (await rpc.call("invites.accept", uri=(await host.call("invites.create"))["uri"]))["contact"]
        await becomes(rpc, honest, "accepted")
        assert (await rpc.call("contacts.get", contact=mixed["contact"]))["state"] != "accepted"
        assert (await third.call("contacts.list"))["items"] == []


async def test_an_invite_that_lost_or_changed_a_character_is_refused_at_once(house: Daemon, guest: Daemon) -> None:
    async with house.session() as host, guest.session() as rpc:
        uri = (await host.call("invites.create"))["uri"]
        head = len("mepassa:i/1/")
        broken = [uri[:at] + ("A" if uri[at] != "A" else "B") + uri[at + 1 :] for at in range(head, len(uri), 7)]
        broken += [uri[:at] + uri[at + 1 :] for at in range(head, len(uri), 11)]
        broken += [uri[:-1], uri[:head], "mepassa:", "", "https://mepassa.example/", "mepassa:i/x/AAAA", uri + "é", "á"]
        for text in broken:
            with pytest.raises(RpcError, match="InviteMalformed"):
                await rpc.call("invites.accept", uri=text)
        with pytest.raises(RpcError, match="InviteVersion"):
            await rpc.call("invites.accept", uri=uri.replace("i/1/", "i/2/"))
        assert (await rpc.call("contacts.list"))["items"] == []


async def test_ones_own_invite_and_one_of_a_contact_are_refused_by_name(house: Daemon, guest: Daemon) -> None:
    async with house.session() as host, guest.session() as rpc:
        with pytest.raises(RpcError, match="InviteOwn"):
            await rpc.call("invites.accept", uri=(await rpc.call("invites.create"))["uri"])
        await befriend(host, rpc)
        with pytest.raises(RpcError, match="AlreadyContact"):
            await rpc.call("invites.accept", uri=(await host.call("invites.create"))["uri"])


async def test_the_https_form_of_an_invite_is_as_good(house: Daemon, guest: Daemon) -> None:
    async with house.session() as host, guest.session() as rpc:
        uri = (await host.call("invites.create"))["uri"]
        https = f"  https://mepassa.example/convite#{uri.removeprefix('mepassa:')}\n"
        contact = (await rpc.call("invites.accept", uri=https))["contact"]
        await becomes(rpc, contact, "accepted")


async def test_an_invite_accepted_twice_while_it_waits_makes_one_contact(house: Daemon, guest: Daemon) -> None:
    async with house.session() as host:
        uri = (await host.call("invites.create"))["uri"]
    house.stop()
    try:
        async with guest.session() as rpc:
            first = await rpc.call("invites.accept", uri=uri)
            assert await rpc.call("invites.accept", uri=uri) == first
            assert len((await rpc.call("contacts.list"))["items"]) == 1
    finally:
        house.start()
    async with guest.session() as rpc:
        await becomes(rpc, first["contact"], "accepted")


async def test_two_who_invite_each_other_at_once_become_contacts_once(fleet: Fleet) -> None:
    here, there = fleet.start("ana", "bruno")
    async with here.client() as ana, there.client() as bruno:
        of_ana = (await ana.call("invites.create"))["uri"]
        of_bruno = (await bruno.call("invites.create"))["uri"]
        await ana.begin("invites.accept", uri=of_bruno)
        await bruno.begin("invites.accept", uri=of_ana)
        ids = [(await rpc.call("identity.show"))["account"] for rpc in (ana, bruno)]
        await becomes(ana, ids[1], "accepted")
        await becomes(bruno, ids[0], "accepted")
        for rpc, contact in ((ana, ids[1]), (bruno, ids[0])):
            sent = await rpc.call("messages.send", contact=contact, text="ao mesmo tempo")
            await reaches(rpc, sent["message_id"], "delivered")
            assert len((await rpc.call("contacts.list"))["items"]) == 1


async def test_an_invite_needs_uses_and_a_life_within_bounds(house: Daemon) -> None:
    async with house.session() as rpc:
        for params in ({"uses": 0}, {"uses": 10_001}, {"expires_in": 0}, {"expires_in": 366 * 86_400}):
            with pytest.raises(RpcError, match="InvalidParams"):
                await rpc.call("invites.create", **params)
