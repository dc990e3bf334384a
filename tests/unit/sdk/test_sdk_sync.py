"""The client without async: from scripts, threads and notebooks, and what Ctrl-C leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mepassa import ConnectionLost, InvalidCall, MessageReceived, NodeNotRunning, UnknownContact, blocking
from mepassa.sync import Client
from wire_node import ANA, ME, Refusal, Wire, WireNode

T = TypeVar("T")


@pytest.fixture
def portal() -> Iterator[BlockingPortal]:
    """Into the thread of the node: as a daemon is a process of its own."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def served(portal: BlockingPortal) -> Iterator[WireNode]:
    with (
        tempfile.TemporaryDirectory() as folder,
        portal.wrap_async_context_manager(WireNode(Path(folder, "s")).serving()) as node,
    ):
        yield node


def _fail_inside(node: WireNode) -> None:
    with Client(node.path) as client:
        next(client.events(after=0))
        raise KeyError


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "mepassa"]


def test_methods_wait_for_their_results(served: WireNode) -> None:
    with Client(served.path) as client:
        assert client.identity.show().name == "Bia"
        assert client.messages.send(contact=ANA, text="olá", request_id="r").message_id == "out-r"
        assert client.call("identity.show", account=ME)["account"] == ME
    assert served.sent == {"r": "olá"}
    assert served.connections == 1


def test_events_are_an_iterator(served: WireNode) -> None:
    for text in ("one", "two"):
        served.receive(text)
    with Client(served.path) as client:
        events = client.events(topics=["message.received"], after=0)
        assert [next(events).data.text for _ in range(2)] == ["one", "two"]
        assert events.cursor == 2
        for event in client.events(after=1):
            assert isinstance(event.data, MessageReceived)
            break
        with client.follow(after=1) as raw:
            assert next(raw).data["text"] == "two"


def test_pages_are_walked_over(served: WireNode) -> None:
    async def search(wire: Wire, query: str, before: str = "3") -> dict[str, Any]:
        number = int(before)
        item = {
            "message_id": f"m{number}", "contact": ANA, "conversation": "c1", "incoming": True, "text": query,
            "time": "2030-01-01T00:00:00.000Z", "state": "read", "route": None, "reply_to": None, "reason": None,
        }  # fmt: skip
        return {"items": [item], "next": str(number - 1) if number > 1 else None}

    served.methods["messages.search"] = search
    with Client(served.path) as client:
        found = client.messages.iterate_search(query="x")
        assert [message.message_id for message in found] == ["m3", "m2", "m1"]
        assert list(found) == []


def test_errors_are_those_of_the_other_client(served: WireNode, tmp_path: Path) -> None:
    async def refuse(wire: Wire, contact: str) -> dict[str, Any]:
        raise Refusal(1100, "UnknownContact", "There is no such contact.")

    served.methods["contacts.get"] = refuse
    with Client(served.path) as client:
        with pytest.raises(UnknownContact, match="no such contact"):
            client.contacts.get(contact="mp1nobody")
        with pytest.raises(InvalidCall, match="`contact`"):
            client.contacts.get(contact="")
        with pytest.raises(InvalidCall, match="`topics`"):
            client.events(topics=[])
    with Client(tmp_path / "none") as client, pytest.raises(NodeNotRunning):
        client.identity.show()


def test_a_token_and_another_way_to_connect_are_taken(served: WireNode) -> None:
    served.tokens = {"t"}
    opened: list[int] = []

    async def connect() -> Any:
        opened.append(1)
        return await anyio.connect_unix(served.path)

    with Client(token="t", connect=connect) as client:
        assert client.identity.show().name == "Bia"
    assert (served.shown, opened) == (["t"], [1])


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_it_works_where_a_loop_runs_in_this_thread_as_in_a_notebook(served: WireNode) -> None:
    assert asyncio.get_running_loop().is_running()
    served.receive("hi")
    client = Client(served.path)
    assert client.identity.show().name == "Bia"
    assert next(client.events(after=0)).topic == "message.received"
    client.close()


def test_without_with_the_first_call_starts_it_and_closing_ends_its_thread(served: WireNode) -> None:
    client = Client(served.path)
    assert threads() == []
    client.identity.show()
    assert threads() == ["mepassa"]
    client.close()
    client.close()
    assert threads() == []
    with pytest.raises(RuntimeError, match="closed"):
        client.identity.show()


def test_leaving_after_an_error_ends_the_thread_too(served: WireNode) -> None:
    served.receive("hi")
    with pytest.raises(KeyError):
        _fail_inside(served)
    assert threads() == []


def test_closing_ends_what_other_threads_wait_for(served: WireNode, portal: BlockingPortal) -> None:
    async def never(wire: Wire) -> dict[str, Any]:
        await anyio.sleep_forever()
        return {}

    served.methods["never"] = never
    with ThreadPoolExecutor(2) as pool:
        client = Client(served.path)
        call = pool.submit(client.call, "never")
        events = pool.submit(list, client.events())
        for method in ("never", "events.subscribe"):
            portal.call(served.called, method)
        client.close()
        with pytest.raises(ConnectionLost, match="closed"):
            call.result(30)
        assert events.result(30) == []


def test_threads_may_share_a_client(served: WireNode) -> None:
    with Client(served.path) as client, ThreadPoolExecutor(8) as pool:
        sent = [*pool.map(lambda n: client.messages.send(contact=ANA, text=str(n), request_id=str(n)), range(50))]
    assert [one.message_id for one in sent] == [f"out-{n}" for n in range(50)]


def test_ctrl_c_ends_the_wait_and_leaves_client_and_events_usable(served: WireNode, portal: BlockingPortal) -> None:
    async def interrupt(wire: Wire) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        await anyio.sleep_forever()
        return {}

    served.methods["interrupt"] = interrupt
    with Client(served.path) as client:
        with pytest.raises(KeyboardInterrupt):
            client.call("interrupt")
        events = client.events(after=0)
        served.receive("one")
        assert next(events).seq == 1
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            next(events)
        portal.call(served.receive, "two")
        assert next(events).data.text == "two"  # type: ignore[union-attr]
        assert client.identity.show().name == "Bia"
    assert threads() == []


def test_a_program_that_never_closes_its_client_ends_all_the_same(served: WireNode) -> None:
    code = f"from mepassa.sync import Client; c = Client({str(served.path)!r}); print(c.identity.show().name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("Bia\n", "", 0)


def test_an_event_that_comes_in_the_very_moment_of_ctrl_c_is_not_lost(served: WireNode) -> None:
    for text in ("one", "two"):
        served.receive(text)
    with Client(served.path) as client:
        interrupts = iter([False, True, False])

        def run(step: Callable[[], Awaitable[T]]) -> T:
            result = client._run(step)
            if next(interrupts):
                raise KeyboardInterrupt
            return result

        events = blocking.Events(client._inner.events(topics=["message.received"], after=0), run)
        assert next(events).data.text == "one"
        with pytest.raises(KeyboardInterrupt):
            next(events)
        assert events.cursor == 1
        assert next(events).data.text == "two"
        assert events.cursor == 2


def test_a_fork_is_told_to_make_a_client_of_its_own_and_ends(served: WireNode) -> None:
    code = f"""if True:
        import os, signal, sys
        from mepassa.sync import Client
        client = Client({str(served.path)!r})
        client.identity.show()
        if not os.fork():
            signal.alarm(20)
            try:
                client.identity.show()
            except RuntimeError as error:
                print(error, flush=True)
            print(Client({str(served.path)!r}).identity.show().name, flush=True)
            sys.exit(7)
        print(os.waitstatus_to_exitcode(os.wait()[1]), client.identity.show().name)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == [
        "This client belongs to the process that this one was forked from; make another.", "Bia", "7 Bia",
    ]  # fmt: skip
    assert done.returncode == 0


@pytest.mark.parametrize("wait", ["call", "events"])
def test_closing_ends_also_what_waits_for_a_node_that_never_says_hello(
    served: WireNode, portal: BlockingPortal, wait: str
) -> None:
    async def never(wire: Wire, **_: Any) -> dict[str, Any]:
        await anyio.sleep_forever()
        return {}

    served.methods["system.hello"] = never
    client = Client(served.path, token="t")
    with ThreadPoolExecutor(2) as pool:
        step = client.identity.show if wait == "call" else client.events().__enter__
        waiting = [pool.submit(step) for _ in range(2)]
        portal.call(served.called, "system.hello")
        threading.Thread(target=client.close, daemon=True).start()
        assert [type(one.exception(timeout=20)) for one in waiting] == [ConnectionLost, ConnectionLost]
