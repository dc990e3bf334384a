"""docs/rpc.md: its example lines, said to a real node, which answers as it shows."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import pytest

from tests.daemon import PATIENCE, Daemon, Fleet
from tests.flows.test_accounts_of_one_node import meet

NOBODY = "mp1" + "1" * 50


@pytest.mark.runs("docs/rpc.md")
async def test_the_node_answers_the_lines_of_the_document_as_it_shows(
    texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    asked, answered, refused, told = (json.loads(line.replace("{…}", '"…"')) for line in texts[0].splitlines())
    with Fleet(tmp_path_factory.mktemp("r")) as fleet:
        (node,) = fleet.start("node", plugins=[])
        async with node.session() as rpc:
            ana = (await rpc.call("identity.show"))["account"]
            bia = (await rpc.call("accounts.create", name="Bia", kind="person"))["account"]
            await meet(rpc, ana, bia)
        with lines(node) as session:
            subscribe = {"topics": [told["params"]["topic"]], "account": bia}
            say(session, {"jsonrpc": "2.0", "id": 0, "method": "events.subscribe", "params": subscribe})
            session.readline()
            say(session, filled(asked, bia))
            seen = sorted((json.loads(session.readline()) for _ in range(2)), key=lambda line: "method" in line)
            assert agrees(answered, seen[0])
            assert agrees(told, seen[1])
            say(session, {**filled(asked, NOBODY), "id": refused["id"]})
            assert agrees(refused, json.loads(session.readline()))


@contextmanager
def lines(node: Daemon) -> Iterator[TextIO]:
    """A session as a program in any language has it: lines there, lines back."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(node.socket))
        with connection.makefile("rw", encoding="utf-8") as file:
            yield file


def say(session: TextIO, line: dict[str, Any]) -> None:
    """Write one line."""
    session.write(json.dumps(line) + "\n")
    session.flush()


def filled(asked: dict[str, Any], contact: str) -> dict[str, Any]:
    """The documented call with a real contact."""
    assert asked["params"]["contact"] == "mp1…"
    return {**asked, "params": {**asked["params"], "contact": contact}}


def agrees(shown: Any, real: Any) -> bool:
    """Whether what a node said is what the document shows, where `…` stands for anything, and 7 for any number."""
    if isinstance(shown, dict) and isinstance(real, dict):
        return shown.keys() == real.keys() and all(agrees(shown[key], real[key]) for key in shown)
    if isinstance(shown, str) and shown.endswith("…"):
        return shown == "…" or str(real).startswith(shown[:-1])
    return bool(shown == real or (shown == 7 and isinstance(real, int)))
