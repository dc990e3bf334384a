"""A directory node that records everything, and is given all cards, invites and messages, finds nothing of them."""

from __future__ import annotations

import sys

from mepassad.wire.ids import account_key, b64
from mepassad.wire.invites import parse_invite
from mepassad.wire.messages_pb2 import Places
from tests.daemon import Daemon, Fleet, befriend, eventually, reaches, texts
from tests.flows.test_found_again import hint

WINDOW = 12  # bytes; two that are equal by chance would be a wonder
TEXT = "nobody shall read where I am"


def numbers(one: Daemon) -> list[bytes]:
    """Under what a daemon's contacts are found: this a directory node sees."""
    ((places, directory),) = one.ask("SELECT places, directory FROM contact")
    return [Places.FromString(places).addresses_number, directory[:32]]


def told(one: Daemon) -> list[bytes]:
    """What else is known of a daemon's account and its contact, addresses too."""
    ((account, device, devices),) = one.ask("SELECT id, device, device_list FROM account")
    ((contact, number, theirs, places, directory),) = one.ask(
        "SELECT id, number, their_number, places, directory FROM contact"
    )
    keys = Places.FromString(places)
    address = f"/ip4/127.0.0.1/tcp/{one.port()}".encode()
    return [
        account.encode(), contact.encode(), account_key(account), device, devices, number, theirs, directory[32:],
        keys.addresses_key, keys.directory_key, keys.number_key, *(key.seal_key.public for key in keys.seal_keys),
        address,
    ]  # fmt: skip


def parts(known: bytes) -> set[bytes]:
    """All that would give away some bytes: each twelve of them, and the same as text."""
    return {raw[at : at + WINDOW] for raw in (known, b64(known).encode()) for at in range(len(raw) - WINDOW + 1)}


async def test_a_recording_directory_node_finds_nothing_of_cards_and_invites_in_what_it_saw(fleet: Fleet) -> None:
    server = fleet.daemon("server", roles=["bootstrap", "mailbox"])
    file = server.folder / "seen"
    server.start(sys.executable, "-m", "tests.recording", str(file))
    where = await hint(server)
    ana, bruno = fleet.start("ana", "bruno", mailboxes=[where], transport_libp2p={"bootstrap": [where], "mdns": False})
    known = [TEXT.encode()]
    async with ana.session() as a, bruno.session() as b:
        link = parse_invite((await a.call("invites.create"))["uri"])
        known += [link.secret, link.number]
        bruno_id, ana_id = await befriend(a, b)
    for one in (ana, bruno):
        known += told(one)
        one.stop()
        one.move()
        one.start()
    async with ana.session() as rpc:
        sent = await rpc.call("messages.send", contact=bruno_id, text=TEXT)
        await reaches(rpc, sent["message_id"], "delivered")
    async with bruno.session() as rpc:
        assert await texts(rpc, ana_id) == [TEXT]
    known += [*told(ana), *told(bruno)]

    async def recorded() -> bytes:
        return file.read_bytes()

    # It is the directory that was recorded: where both are was put there.
    seen = await eventually(recorded, lambda seen: all(numbers(one)[0] in seen for one in (ana, bruno)))
    assert seen.count(b"dht|") >= 4
    assert seen.count(b"mailbox|") >= 4
    assert not [part for one in known for part in parts(one) if part in seen]
