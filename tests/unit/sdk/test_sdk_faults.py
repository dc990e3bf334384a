"""Whatever byte a connection dies at, in either direction, and whatever else it says: nothing lost, nothing twice."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mepassa import Client, ConnectionLost, RpcError
from served_node import Fault, FaultyWay, fake_node, serving

from tests.examples import examples

BOB = fake_node.BOB
CALL = 260  # bytes of a call, about; a greeting has more
MESSAGES = 5
FACTS = 8

chunks = st.sampled_from([1, 7, 64, 65536])
deaths = st.lists(st.builds(Fault, st.sampled_from(["to", "from"]), st.integers(0, 4 * CALL)), max_size=6)
junk = st.sampled_from(
    [
        b"\n", b"hello\n", b"\xff\n", b"{}\n", b"[]\n", b"0\n", b'{"id":7777,"result":{}}\n', b'{"id":0,"result":{}}\n',
        b'{"jsonrpc":"2.0","method":"events.event","params":{}}\n', b'{"id":null,"error":{}}\n',
        b'{"method":"events.event","params":{"seq":1,"topic":"contact.changed","data":{"account":7}}}\n',
        b'{"method":"events.event","params":{"seq":"1","topic":"typing","data":{}}}\n', b"[" * 3000 + b"\n",
        b'{"method":"newer.thing","params":{"a":1}}\n', b'{"id":1,"result":{}}\n{"id":1,"result":[]}\n',
        b'{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"Odd.","data":{}}}\n',
    ]
) | st.binary(max_size=40).map(lambda data: data + b"\xff\n")  # fmt: skip
lies = st.lists(st.builds(Fault, st.just("from"), st.integers(0, 8 * CALL), junk), max_size=4)


@pytest.fixture
def anyio_backend() -> str:
    """The daemon's loop."""
    return "asyncio"


def expect_the_fault(error: ConnectionLost | RpcError) -> None:
    assert isinstance(error, ConnectionLost) or error.message == "Odd."


class RememberingOutbox(fake_node.FakeOutbox):  # type: ignore[misc]
    """The same request makes no second message, as in the real one."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.kept: dict[str, Any] = {}

    async def submit(self, account: str, contact: str, text: str, reply_to: str, request_id: str, /) -> Any:
        await anyio.lowlevel.checkpoint()
        if request_id not in self.kept:
            row = self.store.add(text)
            self.kept[request_id or row.id] = row
            return row
        return self.kept[request_id]


@asynccontextmanager
async def faulty_client(faults: list[Fault], chunk: int) -> AsyncIterator[tuple[Any, Client]]:
    node = fake_node.FakeNode()
    node.outbox = RememberingOutbox(node.store)
    _, token = await node.tokens.create("test", ["admin"], "", "", 0)
    with tempfile.TemporaryDirectory() as folder:
        async with serving(node, folder) as socket:
            with anyio.fail_after(60):
                async with Client(token=token, connect=FaultyWay(socket, faults, chunk)) as client:
                    yield node, client


@settings(max_examples=examples(150))
@given(deaths | lies, chunks)
async def test_a_call_is_answered_once_or_known_to_be_lost_and_a_request_makes_one_message(
    faults: list[Fault], chunk: int
) -> None:
    answers: dict[str, str] = {}

    async def send(client: Client, text: str) -> None:
        while text not in answers:
            try:
                sent = await client.messages.send(contact=BOB, text=text, request_id=f"request {text}")
            except (ConnectionLost, RpcError) as error:
                expect_the_fault(error)
                continue
            answers[text] = sent.message_id

    async with faulty_client(faults, chunk) as (node, client), anyio.create_task_group() as tasks:
        for number in range(MESSAGES):
            tasks.start_soon(send, client, str(number))
    assert {row.text: row.id for row in node.store.rows} == answers
    assert len(node.store.rows) == MESSAGES


@settings(max_examples=examples(60))
@given(deaths, chunks)
async def test_without_a_request_id_an_answered_call_was_carried_out_once(faults: list[Fault], chunk: int) -> None:
    answered: list[str] = []
    lost = 0
    async with faulty_client(faults, chunk) as (node, client):
        for number in range(MESSAGES):
            try:
                answered.append((await client.messages.send(contact=BOB, text=str(number))).message_id)
            except ConnectionLost:
                lost += 1
    kept = [row.id for row in node.store.rows]
    assert len(answered) + lost == MESSAGES
    assert len(kept) == len(set(kept)) <= MESSAGES
    assert set(answered) <= set(kept)
    assert len(kept) <= len(answered) + lost


@settings(max_examples=examples(100))
@given(deaths, chunks)
async def test_what_became_of_a_posted_call_is_told_once(faults: list[Fault], chunk: int) -> None:
    told: dict[str, list[object]] = {str(number): [] for number in range(2 * MESSAGES)}
    async with faulty_client(faults, chunk) as (node, client):
        for text, answers in told.items():
            client.post("messages.send", {"contact": BOB, "text": text, "request_id": text}, answers.append)
            if int(text) == MESSAGES:
                while not told["0"]:
                    await anyio.lowlevel.checkpoint()
        while not all(told.values()):
            await anyio.lowlevel.checkpoint()
    assert all(len(answers) == 1 for answers in told.values())
    assert all(answer is None or isinstance(answer, ConnectionLost) for [answer] in told.values())
    kept = [row.text for row in node.store.rows]
    assert len(kept) == len(set(kept))
    assert {text for text, answers in told.items() if answers == [None]} <= set(kept)


async def cancel_after(turns: int, scope: anyio.CancelScope) -> None:
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()
    scope.cancel()


@settings(max_examples=examples(150))
@given(deaths | lies, chunks, st.lists(st.none() | st.integers(0, 12), max_size=10), st.integers(0, FACTS))
async def test_no_event_is_lost_or_comes_twice_also_when_a_step_is_cancelled(
    faults: list[Fault], chunk: int, patience: list[int | None], before: int
) -> None:
    seen: list[int | None] = []
    async with faulty_client(faults, chunk) as (node, client), anyio.create_task_group() as tasks:
        node.bus.add(before)
        events = client.events(topics=["contact.changed"], after=0)
        while len(seen) < FACTS:
            if len(seen) == node.bus.newest:
                node.bus.add(1)
            with anyio.CancelScope() as scope:
                if (turns := patience.pop() if patience else None) is not None:
                    tasks.start_soon(cancel_after, turns, scope)
                try:
                    seen.append((await anext(events)).seq)
                except (ConnectionLost, RpcError) as error:
                    expect_the_fault(error)
    assert seen == list(range(1, FACTS + 1))
