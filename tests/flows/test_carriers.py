"""Two daemons meet and write over each carrier: TCP, QUIC, WebSocket, TLS WebSocket; and one that cannot listen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mepassad.testing.certificates import make_files
from tests.daemon import MEPASSAD, Fleet, befriend, run

CARRIED = {"tcp": "/tcp/0", "quic": "/udp/0/quic-v1", "ws": "/tcp/0/ws", "wss": "/tcp/0/tls/ws"}


def section(folder: Path, *carriers: str) -> dict[str, Any]:
    """The section of the transport for a node that listens on loopback over some carriers."""
    files = {name: str(path) for name, path in make_files(folder).settings().items()}
    return {"listen": ["/ip4/127.0.0.1" + CARRIED[carrier] for carrier in carriers], **files}


@pytest.mark.parametrize("carrier", CARRIED)
async def test_two_daemons_meet_and_write_over_each_carrier(fleet: Fleet, tmp_path: Path, carrier: str) -> None:
    here, there = fleet.start("ana", "bruno", transport_libp2p=section(tmp_path, carrier))
    async with here.client() as ana, there.client() as bruno:
        bruno_id, ana_id = await befriend(ana, bruno)
        text = "por qualquer caminho " * 2000
        await ana.call("messages.send", contact=bruno_id, text=text)
        assert (await bruno.event("message.received"))["data"]["text"] == text
        sent = (await bruno.call("messages.send", contact=ana_id, text="e de volta"))["message_id"]
        assert (await ana.event("message.received"))["data"]["text"] == "e de volta"
        assert (await bruno.event("message.delivered"))["data"]["message_id"] == sent
        assert (await bruno.call("messages.get", message_id=sent))["route"] == "direct"


async def test_daemons_that_listen_over_all_carriers_are_heard_again_after_a_restart(
    fleet: Fleet, tmp_path: Path
) -> None:
    here, there = fleet.start("ana", "bruno", transport_libp2p=section(tmp_path, *CARRIED))
    async with here.session() as ana, there.session() as bruno:
        _, ana_id = await befriend(ana, bruno)
    there.restart()
    async with here.client() as ana, there.client() as bruno:
        await bruno.call("messages.send", contact=ana_id, text="voltei")
        assert (await ana.event("message.received"))["data"]["text"] == "voltei"


def test_a_key_that_others_may_read_ends_the_start_with_the_cure(fleet: Fleet, tmp_path: Path) -> None:
    daemon = fleet.daemon("ana", transport_libp2p=section(tmp_path, "wss"))
    key = tmp_path / "node.key"
    key.chmod(0o644)
    ended = run(MEPASSAD, "--config", daemon.config_file)
    assert ended.returncode != 0
    assert f"{key} can be read by others; run: chmod 600 {key}" in ended.stderr
    assert "Traceback" not in ended.stderr
