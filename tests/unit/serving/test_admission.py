"""Whom a node serves: everybody, those who know its pass, those on its list, its contacts."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from mepassad.api.node_id import node_id_from_key
from mepassad.api.types import NodeId, Secret
from mepassad.config.serving import Mailbox, Relay
from mepassad.delivery.passes import show_pass
from mepassad.errors import ConfigError, MailboxNotAdmitted, UnsafePath
from mepassad.serving.admission import AFTER, REMEMBERED, Admission
from mepassad.serving.passes import read_pass
from mepassad.testing.clock import ManualClock
from mepassad.testing.nodes import Nodes, RunningNode
from mepassad.wire.framing import pack
from mepassad.wire.messages_pb2 import PassProof
from mepassad.wire.passes import PASS_PROTOCOL, about, prove
from tests.unit.serving.asking import Box, asking, dialled

PASS = Secret(b"correct horse battery")
ANA, BOB = NodeId("ana"), NodeId("bob")
OVER = about(bytes(32), bytes(32), bytes(32))


def written(folder: Path, text: bytes = PASS + b"\n", mode: int = 0o600) -> Path:
    path = folder / "pass"
    path.touch(0o600)
    path.write_bytes(text)
    path.chmod(mode)
    return path


async def show(client: RunningNode, server: RunningNode, pass_: bytes) -> bool:
    stream = await dialled(client, server, PASS_PROTOCOL)
    return await show_pass(stream, Secret(pass_), client.node.key, 30)


async def test_whoever_shows_the_pass_may_open_boxes_and_others_may_not(nodes: Nodes, tmp_path: Path) -> None:
    server = await nodes.start("server", roles="[mailbox]", mailbox__admit="pass", mailbox__pass_file=written(tmp_path))
    ana = await nodes.start("ana", roles="[]")
    async with asking(nodes, ana, server) as mailbox:
        assert mailbox.limits.pass_needed
        assert not await show(ana, server, PASS + b"!")
        with pytest.raises(MailboxNotAdmitted):
            await mailbox.open([Box().key])
        assert await show(ana, server, PASS)
        assert await mailbox.open([Box().key]) == [0]
    async with asking(nodes, ana, server) as mailbox:
        assert not mailbox.limits.pass_needed


async def test_a_node_that_serves_its_contacts_opens_boxes_for_them_until_they_are_blocked(nodes: Nodes) -> None:
    server = await nodes.start("server", roles="[mailbox]", mailbox__admit="contacts")
    ana, eve = await nodes.start("ana", roles="[]"), await nodes.start("eve", roles="[]")
    await nodes.introduce(server, ana)
    async with asking(nodes, eve, server) as mailbox:
        with pytest.raises(MailboxNotAdmitted):
            await mailbox.open([Box().key])
    async with asking(nodes, ana, server) as mailbox:
        assert await mailbox.open([Box().key]) == [0]
        await server.node.contacts.block(server.account, ana.account, True)
        with pytest.raises(MailboxNotAdmitted):
            await mailbox.open([Box().key])


async def test_a_proof_is_good_for_one_challenge_only(nodes: Nodes, tmp_path: Path) -> None:
    server = await nodes.start("server", roles="[mailbox]", mailbox__admit="pass", mailbox__pass_file=written(tmp_path))
    ana = await nodes.start("ana", roles="[]")
    overheard = prove(PASS, about(server.node.key, ana.node.key, os.urandom(32)))
    for proof in (overheard, b"", bytes(31), bytes(33)):
        stream = await dialled(ana, server, PASS_PROTOCOL)
        stream.write(pack(PassProof(proof=proof).SerializeToString()))
        while await stream.read():
            pass
    async with asking(nodes, ana, server) as mailbox:
        assert mailbox.limits.pass_needed


def test_a_pass_is_good_while_connected_and_an_hour_after() -> None:
    clock = ManualClock()
    admission = Admission("pass", PASS, tuple, clock)
    assert not admission.shown(ANA, bytes(32), OVER)
    assert admission.shown(ANA, prove(PASS, OVER), OVER)
    clock.advance(1_000_000)
    assert admission.admits(ANA)
    assert not admission.admits(BOB)
    admission.lost(ANA)
    clock.advance(AFTER)
    assert admission.admits(ANA)
    clock.advance(1)
    assert not admission.admits(ANA)


def test_only_so_many_who_showed_the_pass_are_remembered() -> None:
    admission = Admission("pass", PASS, tuple, ManualClock())
    proof = prove(PASS, OVER)
    for number in range(REMEMBERED + 1):
        admission.shown(NodeId(str(number)), proof, OVER)
    assert not admission.admits(NodeId("0"))
    assert admission.admits(NodeId("1"))


def test_open_admits_everybody_and_a_list_those_on_it() -> None:
    assert Admission("open", None, tuple, ManualClock()).admits(ANA)
    listed = Admission("list", PASS, lambda: [ANA], ManualClock())
    assert listed.admits(ANA)
    assert not listed.shown(BOB, prove(PASS, OVER), OVER)


def test_a_pass_is_read_from_a_file_of_ones_own_and_must_be_long_enough(tmp_path: Path) -> None:
    assert read_pass(written(tmp_path, b" 0123456789abcdef\n\n")) == b"0123456789abcdef"
    with pytest.raises(ConfigError, match="at least 16 characters"):
        read_pass(written(tmp_path, b"0123456789abcde \n"))
    with pytest.raises(UnsafePath):
        read_pass(written(tmp_path, mode=0o640))
    with pytest.raises(ConfigError, match="there is no such file"):
        read_pass(tmp_path / "nowhere")


@pytest.mark.parametrize("kind", [Mailbox, Relay])
def test_a_section_that_admits_by_pass_or_list_must_have_one(kind: type[Mailbox | Relay]) -> None:
    somebody = node_id_from_key(bytes(range(32)))
    for admit, listed, complaint in (
        ("pass", [], "needs `pass_file`"),
        ("list", [], "needs `list`"),
        ("list", [somebody, "ana"], "'ana' is no node id"),
    ):
        with pytest.raises(msgspec.ValidationError, match=complaint):
            msgspec.convert({"admit": admit, "list": listed}, kind)
    assert msgspec.convert({"admit": "list", "list": [somebody]}, kind).list == (somebody,)
