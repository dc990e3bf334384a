"""`mepassa send --wait` when the other side is away: what is said, and how it ends."""

from __future__ import annotations

import threading
from typing import Any

import anyio
import click
import pytest
from click.testing import Result
from commanding import contact, run, with_contacts
from mepassa.cli import awaiting
from wire_node import ANA, ME, WireNode

AT_ONCE = 0.05
LATER = 3600.0
BOUND = 30.0


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaiting, "HINT", AT_ONCE)
    monkeypatch.setattr(awaiting, "LINGER", AT_ONCE)


async def sent(node: WireNode, told: threading.Event | None, *news: tuple[str, str], **how: Any) -> Result:
    """What the command did: there are news at once; once it has `told` something, the message is delivered."""
    with_contacts(node, {**contact(ANA, "Ana"), **how})

    def publish(topic: str, route: str) -> None:
        node.publish(topic, account=ME, message_id="out-anonymous-0", route=route, reason=None)

    async def become() -> None:
        await node.called("messages.send")
        for topic, route in news:
            publish(topic, route)
        if told is not None:
            assert await anyio.to_thread.run_sync(told.wait, BOUND)
            publish("message.delivered", "direct")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(become)
        with anyio.fail_after(BOUND):
            return await run(node, "send", "--wait", "Ana", "oi")
    raise AssertionError("the task group ends with what it did")


@pytest.mark.parametrize(
    ("how", "news", "told"),
    [
        ({"online": False}, [], "Ana is away: neither their node nor a mailbox of theirs was reached yet."),
        ({"state": "pending"}, [], "Ana has not answered yet: neither their node nor a mailbox"),
        ({"online": True}, [], "Ana is connected, and has not taken it yet."),
        ({"online": True}, [("message.sent", "relayed")], "It was sent (relayed); Ana has not confirmed it yet."),
    ],
)
async def test_after_a_while_it_is_said_what_is_waited_for(
    node: WireNode, how: dict[str, Any], news: list[tuple[str, str]], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, echo = threading.Event(), click.echo

    def heard(message: str, **where: Any) -> None:
        echo(message, **where)
        if where.get("err"):
            said.set()

    monkeypatch.setattr(click, "echo", heard)
    result = await sent(node, said, *news, **how)
    assert result.exit_code == 0
    assert result.stderr.startswith(told)
    assert "Ctrl-C ends the waiting alone" in result.stderr
    assert result.stdout.splitlines()[-1].startswith("delivered")


async def test_what_lies_in_a_mailbox_of_who_is_away_is_done(node: WireNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaiting, "HINT", LATER)
    result = await sent(node, None, ("message.sent", "mailbox"))
    assert result.exit_code == 0
    assert result.stderr.startswith("It lies in a mailbox of Ana, who has it when they are back")
    assert result.stdout.splitlines()[-1].split()[:2] == ["sent", "mailbox"]


async def test_who_empties_a_mailbox_at_once_is_not_away(node: WireNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaiting, "HINT", LATER)
    monkeypatch.setattr(awaiting, "LINGER", LATER)
    result = await sent(node, None, ("message.sent", "mailbox"), ("message.delivered", "mailbox"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1].split()[:2] == ["delivered", "mailbox"]
