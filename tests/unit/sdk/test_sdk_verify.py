"""`mepassa verify`: numbers are compared, codes shown and scanned, and nobody is verified by mistake."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import Any

import anyio
import pytest
from commanding import HOSTILE, SHOWN, contact, run, with_contacts
from wire_node import Refusal, Wire, WireNode

GROUPS = [f"{n:05}" for n in range(12)]
NUMBER = "".join(GROUPS)
TABLE = "00000 00001 00002 00003\n00004 00005 00006 00007\n00008 00009 00010 00011\n"
CODE = "mepassa:v/1/abc"


@pytest.fixture(autouse=True)
def _ana(node: WireNode) -> None:
    """A node with a contact, that verifies by the right number, and by codes what `confirms` says."""

    async def safety_number(wire: Wire, contact: str) -> dict[str, Any]:
        return {"number": NUMBER, "groups": GROUPS}

    async def verify(wire: Wire, contact: str = "mp1ana", number: str = "", code: str = "") -> dict[str, Any]:
        if number and "".join(number.split()) != NUMBER:
            raise Refusal(1118, "NumbersDiffer", "The numbers differ.")
        return {**ana(), "contact": contact, "verified": bool(number)}

    with_contacts(node, ana())
    node.methods.update({"contacts.safety_number": safety_number, "contacts.verify": verify})


def ana() -> dict[str, Any]:
    return contact("mp1ana", HOSTILE, petname="")


async def test_verify_shows_the_number_in_groups_and_asks_nobody_in_a_pipe(node: WireNode) -> None:
    result = await run(node, "verify", "mp1ana")
    assert (result.exit_code, result.stdout) == (0, TABLE)
    assert [method for method, _ in node.calls] == ["contacts.list", "contacts.safety_number"]


async def answered(node: WireNode, answer: bytes) -> tuple[int, str, str]:
    """Exit code, output and complaint of `verify` on a terminal where somebody types an answer."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from mepassa.cli import main; main()", "--socket", str(node.path)]
    os.write(ours, answer)
    done = await anyio.run_process(
        [*command, "verify", "mp1ana"], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, check=False
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode().replace("\r\n", "\n")
    os.close(ours)
    return done.returncode, shown, done.stderr.decode()


async def test_on_a_terminal_it_verifies_who_sees_the_same(node: WireNode) -> None:
    code, shown, complaint = await answered(node, b"y\n")
    assert code == 0
    assert "Error" not in complaint
    assert TABLE in shown
    assert shown.endswith(f"mp1ana\tverified\t{SHOWN}\n")
    assert node.calls[-1] == ("contacts.verify", {"contact": "mp1ana", "number": NUMBER})


async def test_on_a_terminal_it_does_not_verify_who_sees_another(node: WireNode) -> None:
    code, _, complaint = await answered(node, b"n\n")
    assert code == 1
    assert "somebody may stand between you" in complaint
    assert "contacts.verify" not in [method for method, _ in node.calls]


async def test_on_a_terminal_it_ends_with_130_where_nobody_answers(node: WireNode) -> None:
    assert (await answered(node, b"\x04"))[0] == 130
    assert "contacts.verify" not in [method for method, _ in node.calls]


async def test_a_number_that_was_read_out_is_compared_by_the_node(node: WireNode) -> None:
    result = await run(node, "verify", "mp1ana", "--number", TABLE)
    assert result.stdout == f"mp1ana\tverified\t{SHOWN}\n"
    wrong = await run(node, "verify", "mp1ana", "--number", "1" * 60)
    assert (wrong.exit_code, wrong.stderr) == (1, "Error: The numbers differ. (NumbersDiffer)\n")


async def test_a_code_is_shown(node: WireNode) -> None:
    async def create(wire: Wire, in_person: bool) -> dict[str, Any]:
        return {"uri": CODE, "expires_at": "2030-01-01T00:00:00Z"}

    node.methods["invites.create"] = create
    assert (await run(node, "verify", "--show")).stdout == f"{CODE}\n"
    assert node.calls[0] == ("invites.create", {"in_person": True})


async def test_a_code_of_somebody_verified_before_tells_that_nothing_is_known_of_the_code(node: WireNode) -> None:
    async def verified(wire: Wire, **given: Any) -> dict[str, Any]:
        return {**ana(), "verified": True}

    node.methods["contacts.verify"] = verified
    result = await run(node, "verify", "mp1ana", "--code", CODE)
    assert result.stdout == f"mp1ana\tverified\t{SHOWN}\n"
    assert "verified before; whether they took this code is not told" in result.stderr


@pytest.mark.parametrize("named", [["mp1ana"], []])
async def test_a_code_that_was_scanned_verifies_once_its_maker_has_confirmed_it(
    node: WireNode, named: list[str]
) -> None:
    async def confirm() -> None:
        await node.called("contacts.verify")
        node.publish("contact.changed", conversation="with somebody else", verified=True)
        node.publish("contact.changed", conversation="with mp1ana", verified=False)
        node.publish("contact.changed", conversation="with mp1ana", verified=True)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(confirm)
        result = await run(node, "verify", *named, "--code", f" {CODE}\n")
    assert result.stdout == f"mp1ana\tverified\t{SHOWN}\n"
    scanned = {"contact": "mp1ana", "code": CODE} if named else {"code": CODE}
    assert ("contacts.verify", scanned) in node.calls


async def test_a_code_that_nobody_confirms_is_said_to_be_unconfirmed(
    node: WireNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["mepassa.cli.verify"], "PATIENCE", 0.05)
    result = await run(node, "verify", "mp1ana", "--code", CODE)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "have not confirmed this code" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--number", NUMBER],
        ["mp1ana", "--show"],
        ["mp1ana", "--number", "1", "--code", CODE],
        ["--show", "--code", CODE],
    ],
)
async def test_what_contradicts_itself_is_wrong_usage(node: WireNode, arguments: list[str]) -> None:
    assert (await run(node, "verify", *arguments)).exit_code == 2
    assert node.calls == []
