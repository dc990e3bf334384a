"""What `mepassa chat` makes of all that may happen meanwhile; how two people talk is in tests/flows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from commanding import HOSTILE, SHOWN, TIME, answering, contact, message, with_contacts
from wire_node import ANA, ME, Refusal, Wire, WireNode

HERE = "with mp1ana"

T = TypeVar("T")


class Chat:
    """A running `mepassa chat`, with pipes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.shown = ""

    async def until(self, text: str) -> None:
        """Wait until it shows a text."""
        while text not in self.shown:
            line = await _patiently(self.process.stdout.readline)
            assert line, f"it ended without {text!r}: {self.shown}"
            self.shown += line

    async def type(self, line: str) -> None:
        """Send it a line."""
        await anyio.to_thread.run_sync(os.write, self.process.stdin.fileno(), f"{line}\n".encode())

    async def end(self) -> tuple[int, str]:
        """Let there be no more lines; exit code and complaint."""
        self.process.stdin.close()
        return await self.ended()

    async def ended(self) -> tuple[int, str]:
        """Exit code and complaint, once it ends."""
        self.shown += await _patiently(self.process.stdout.read)
        complaint = await _patiently(self.process.stderr.read)
        return await _patiently(self.process.wait), complaint


async def _patiently(call: Callable[[], T]) -> T:
    """Wait for a process in another thread, but not for ever."""
    with anyio.fail_after(60):
        return await anyio.to_thread.run_sync(call, abandon_on_cancel=True)


@asynccontextmanager
async def chatting(node: WireNode, *options: str) -> AsyncIterator[Chat]:
    """A conversation with Ana, to whose events it listens already."""
    command = [sys.executable, "-c", "from mepassa.cli import main; main()", "--socket", str(node.path)]
    pipes = {"stdin": -1, "stdout": -1, "stderr": -1, "encoding": "utf-8"}
    with subprocess.Popen([*command, "chat", "Ana", *options], **pipes) as process:
        try:
            await node.called("messages.list")
            yield Chat(process)
        finally:
            process.kill()


@pytest.fixture(autouse=True)
def friends(node: WireNode) -> list[dict[str, Any]]:
    """A node that knows Ana, and the messages with her."""
    with_contacts(node, contact(ANA, "Ana"))
    said = [message("m1", HOSTILE)]

    async def get(wire: Wire, message_id: str, account: str) -> dict[str, Any]:
        for one in said:
            if one["message_id"] == message_id:
                return one
        raise Refusal(1200, "UnknownMessage", "There is no such message.")

    async def listed(wire: Wire, **asked: Any) -> dict[str, Any]:
        return {"items": said[:1], "next": None}

    node.methods |= {"messages.list": listed, "messages.get": get, "messages.mark_read": answering()}
    return said


def progress(node: WireNode, topic: str, message_id: str, **data: Any) -> None:
    node.publish(topic, account=ME, message_id=message_id, contact=ANA, conversation=HERE, **data)


def receive(node: WireNode, message_id: str, text: str | None, conversation: str = HERE, **more: Any) -> None:
    data = {"account": ME, "contact": ANA, "conversation": conversation, "text": text, "time": TIME}
    node.publish("message.received", message_id=message_id, **data, **more)


async def test_what_is_shown_is_marked_as_read_once_and_what_is_not_is_not(node: WireNode) -> None:
    async with chatting(node) as chat:
        await chat.until(f"Ana: {SHOWN}")
        receive(node, "m0", "in another conversation", "c9")
        receive(node, "m1", "shown already")
        receive(node, "m2", None)
        receive(node, "m3", "oi")
        await chat.until("Ana: oi")
        with anyio.fail_after(30):
            while node.calls[-1] != ("messages.mark_read", {"message_id": "m3", "account": ME}):
                await anyio.sleep(0.001)
        assert await chat.end() == (0, "")
    assert "another" not in chat.shown
    assert "already" not in chat.shown
    read = [params["message_id"] for method, params in node.calls if method == "messages.mark_read"]
    assert read == ["m1", "m3"]


async def test_lines_come_from_a_file_too(node: WireNode, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from mepassa.cli import main; main()", "--socket", str(node.path)]
    file = tmp_path / "lines"
    file.write_text("um\ndois")
    for path in (file, Path(os.devnull)):
        with path.open() as lines:
            done = await anyio.run_process([*command, "chat", "Ana"], input=None, stdin=lines)
        assert done.stderr == b""
    assert list(node.sent.values()) == ["um", "dois"]


async def test_nothing_is_shown_or_marked_where_no_history_is_wanted(node: WireNode) -> None:
    command = [sys.executable, "-c", "from mepassa.cli import main; main()", "--socket", str(node.path)]
    done = await anyio.run_process([*command, "chat", "Ana", "--history", "0"], input=b"\n \n")
    assert (done.stdout, done.stderr) == (b"", b"")
    assert not {"messages.list", "messages.mark_read", "messages.send"} & {method for method, _ in node.calls}


async def test_an_answer_to_an_older_message_quotes_it(node: WireNode, friends: list[dict[str, Any]]) -> None:
    friends.append(message("older", HOSTILE))
    async with chatting(node) as chat:
        await chat.until(SHOWN)
        receive(node, "m2", "um", reply_to="older")
        receive(node, "m3", "dois", reply_to="m1")
        receive(node, "m4", "três", reply_to="gone")
        await chat.until(f"Ana (to “{SHOWN[:29]}…”): um")
        await chat.until("Ana (to 1): dois")
        await chat.until("Ana (to “…”): três")


async def test_what_another_program_of_the_account_writes_is_shown_too(
    node: WireNode, friends: list[dict[str, Any]]
) -> None:
    now = "2999-01-01T00:00:00.000Z"
    friends.append(message("bot", "automático", incoming=False, time=now, state="sent"))
    friends.append(message("old", "antigo", incoming=False, time="2020-01-01T00:00:00.000Z", state="delivered"))
    async with chatting(node) as chat:
        await chat.until(SHOWN)
        progress(node, "message.read", "old", state="read")
        progress(node, "message.read", "gone", state="read")
        progress(node, "message.sent", "bot", state="sent", route="direct")
        await chat.until("you: automático (sent, direct)")
        progress(node, "message.delivered", "bot", state="delivered", route="direct")
        await chat.until("[2] delivered, direct")
    assert "antigo" not in chat.shown


async def test_a_message_that_will_not_arrive_is_told_with_the_reason(node: WireNode) -> None:
    async with chatting(node) as chat:
        await chat.type("oi")
        await chat.until("[2] queued")
        (sent,) = node.sent
        progress(node, "message.failed", f"out-{sent}", state="expired", reason=f"Nobody came {HOSTILE}.")
        await chat.until(f"* [2] Nobody came {SHOWN}.")
        await chat.until("[2] expired")
        assert await chat.end() == (0, "")


async def test_a_line_that_the_node_refuses_is_told_and_ends_a_pipe_with_1(node: WireNode) -> None:
    async def send(wire: Wire, *, text: str, **asked: Any) -> dict[str, Any]:
        if text == "não":
            raise Refusal(1203, "Rejected", "A filter refused this message.")
        return {"message_id": text}

    node.methods["messages.send"] = send
    async with chatting(node) as chat:
        for line in ("um", "não", "dois"):
            await chat.type(line)
        assert await chat.end() == (1, "")
    assert "* A filter refused this message. (Rejected)\n" in chat.shown
    assert "you: um" in chat.shown
    assert "you: dois" in chat.shown
    assert "you: não" not in chat.shown


async def test_a_line_is_sent_once_although_the_answer_was_lost(node: WireNode) -> None:
    keep = node.methods["messages.send"]

    async def send(wire: Wire, **asked: Any) -> dict[str, Any]:
        answer = await keep(wire, **asked)
        if len([method for method, _ in node.calls if method == "messages.send"]) == 1:
            await wire.close()
        return answer

    node.methods["messages.send"] = send
    async with chatting(node) as chat:
        await chat.type("oi")
        await chat.until("* The node does not answer; waiting until it does.")
        await chat.until("* The node answers again.")
        await chat.until("you: oi")
        assert await chat.end() == (0, "")
    assert list(node.sent.values()) == ["oi"]
    assert chat.shown.count("you: oi") == 1


async def test_changes_of_the_contact_are_told_and_one_who_is_gone_ends_it(node: WireNode) -> None:
    about = {"account": ME, "contact": ANA, "conversation": HERE}
    async with chatting(node) as chat:
        await chat.until(SHOWN)
        node.publish("contact.keys_changed", **about, name="Ana", verified=True)
        await chat.until("* Ana has other devices than before; the safety number is the same.")
        node.publish("contact.changed", **about, state="accepted", name=f"Bia{HOSTILE}")
        receive(node, "m2", "oi")
        await chat.until("Bia")
        assert "BiaAna<U+001B>[2J" in chat.shown
        node.publish("contact.changed", **{**about, "contact": "mp1other"}, state="removed")
        node.publish("contact.changed", **about, state="refused")
        await chat.until(": refused")
        node.publish("contact.changed", **about, state="removed")
        code, complaint = await chat.ended()
    assert code == 1
    assert "is no contact any more." in complaint


async def test_a_token_that_is_revoked_ends_it(node: WireNode) -> None:
    follow = node.methods["events.subscribe"]
    wires: list[Wire] = []

    async def subscribe(wire: Wire, **asked: Any) -> dict[str, Any]:
        wires.append(wire)
        return await follow(wire, **asked)

    node.methods["events.subscribe"] = subscribe
    async with chatting(node) as chat:
        await chat.until(SHOWN)
        refusal = Refusal(2000, "TokenRefused", "This token was revoked.").error
        await wires[0].write({"jsonrpc": "2.0", "id": None, "error": refusal})
        code, complaint = await chat.ended()
    assert (code, complaint) == (1, "Error: This token was revoked. (TokenRefused)\n")


async def test_news_that_come_before_the_answer_are_of_the_line_that_is_being_sent(node: WireNode) -> None:
    async def send(wire: Wire, **asked: Any) -> dict[str, Any]:
        progress(node, "message.delivered", "own", state="delivered", route="direct")
        with anyio.move_on_after(0.3):  # in which nobody should ask what is being sent
            await node.called("messages.get")
        return {"message_id": "own"}

    node.methods["messages.send"] = send
    async with chatting(node) as chat:
        await chat.type("oi")
        await chat.until("[2] delivered, direct")
    assert chat.shown.count("you: oi") == 1
    assert "messages.get" not in [method for method, _ in node.calls]


async def test_what_does_not_speak_the_protocol_is_not_waited_for(node: WireNode) -> None:
    async def junk(wire: Wire, **asked: Any) -> dict[str, Any]:
        await wire.write_bytes(b"HTTP/1.1 400 Bad Request\r\n")
        await anyio.sleep_forever()
        return {}

    node.methods["messages.send"] = junk
    async with chatting(node) as chat:
        await chat.type("oi")
        code, complaint = await chat.ended()
    assert code == 3
    assert "does not speak mepassad's protocol" in complaint
