"""`mepassad doctor` on servers: each that does not serve the node has a cure that leaves what is right as it is."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from mepassad import reached
from mepassad.config.model import Config
from mepassad.delivery.passes import NOT_NAMED, NOT_TAKEN
from mepassad.findings import LINE, Finding, editing
from mepassad.reached import NOT_ADMITTED

EDIT = editing(Path("c.yaml"))
NODE = "12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X"


def states(found: list[Finding]) -> list[str]:
    return [one.state for one in found]


def test_servers_are_tried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        port = there.getsockname()[1]
        addresses = [f"/ip4/127.0.0.1/tcp/{port}/p2p/x", "/ip4/127.0.0.1/tcp/1/p2p/x", "/ip4/127.0.0.1/udp/1/quic-v1"]
        found = list(reached.servers("bootstrap", addresses, EDIT, "mepassad"))
    assert states(found) == ["ok", "bad", "unknown"]
    assert found[1].mend.startswith("mepassad doctor  # again in a while; if it stays so, ask its operator")
    assert found[1].mend.endswith("as the server prints it now")
    (without,) = reached.servers("mailbox", (), EDIT, "mepassad")
    assert without.mend == f"${{EDITOR:-vi}} c.yaml  # mailboxes: [{LINE}]"


@pytest.mark.parametrize(
    ("kind", "nat", "places", "expected"),
    [
        ("public", "none", 0, ["ok"]),
        ("private", "symmetric", 0, ["warning"]),
        ("private", "cone", 1, ["ok", "ok"]),
        ("unknown", "unknown", 0, ["unknown"]),
    ],
)
def test_how_the_node_stands_in_the_net(kind: str, nat: str, places: int, expected: list[str]) -> None:
    stats: dict[str, Any] = {
        "transports": {"libp2p": {"relay_places": places}},
        "reachability": {"libp2p": {"kind": kind, "nat": nat}},
    }
    assert states(list(reached.standing(stats, EDIT, "mepassad"))) == expected
    assert states(list(reached.standing(None, EDIT, "mepassad"))) == ["unknown"]


@pytest.mark.parametrize(("connected", "state"), [(True, "warning"), (False, "unknown")])
def test_while_a_mailbox_does_not_serve_the_node_nat_is_no_second_fault(connected: bool, state: str) -> None:
    stats: dict[str, Any] = {
        "reachability": {"libp2p": {"kind": "private", "nat": "cone"}},
        "mailboxes": {"nodes": {"One": {"connected": connected, "reason": NOT_TAKEN}}},
    }
    (found,) = reached.standing(stats, EDIT, "mepassad")
    assert found.state == state
    assert found.mend == (f"{EDIT(f'mailboxes: […, {LINE}], of a relay that admits this node')}" if connected else "")


def test_of_a_node_that_runs_its_own_word_on_mailboxes_counts() -> None:
    config = Config(mailboxes=(f"/ip4/192.0.2.1/tcp/1/p2p/{NODE}",), pass_file=Path("/my pass"))
    nodes = {
        "One": {"connected": True},
        "Two": {"connected": False, "reason": "The node Two cannot be reached now: It did not answer."},
        "Three": {"connected": False, "reason": NOT_TAKEN},
        "Four": {"connected": False, "reason": NOT_NAMED},
        "Five": {
            "connected": False,
            "reason": NOT_ADMITTED,
        },
    }
    found = list(reached.mailboxes(config, {"mailboxes": {"nodes": nodes}}, EDIT, "mepassad"))
    assert states(found) == ["ok", "bad", "bad", "bad", "bad"]
    assert found[1].why == "Two does not serve this node now: It did not answer."
    assert found[1].mend.startswith("mepassad doctor  # again in a while")
    assert found[2].mend.startswith("install -m 600 /dev/stdin '/my pass'  # type the right pass")
    assert found[3].mend.startswith("${EDITOR:-vi} c.yaml  # pass_file: ")
    assert found[4].mend.startswith("mepassa status  # shows this node's id: ask the mailbox's owner")
    assert states(list(reached.mailboxes(Config(), {}, EDIT, "mepassad"))) == ["warning"]


@pytest.mark.parametrize(("reason", "told"), [(NOT_TAKEN, "não aceita a senha"), (NOT_ADMITTED, "só serve nós que")])
def test_why_a_mailbox_does_not_serve_the_node_is_in_the_users_language(
    monkeypatch: pytest.MonkeyPatch, reason: str, told: str
) -> None:
    monkeypatch.setenv("LANGUAGE", "pt_BR")
    config = Config(mailboxes=(f"/ip4/192.0.2.1/tcp/1/p2p/{NODE}",))
    nodes = {"One": {"connected": False, "reason": reason}}
    (found,) = reached.mailboxes(config, {"mailboxes": {"nodes": nodes}}, EDIT, "mepassad")
    assert told in found.why
