"""What a monitor sees: the node's numbers, that it lives, that it is ready; on its own port, if it is asked for."""

from __future__ import annotations

import re
import socket

import anyio
import pytest

from mepassad.config.model import Metrics
from mepassad.errors import SocketInUse
from mepassad.meanings import COUNTED, MEANINGS, meaning
from mepassad.metrics import MAX_CONNECTIONS, MAX_REQUEST, Monitor, exposition
from mepassad.testing.component import Lines
from mepassad.testing.nodes import Nodes, RunningNode

STATS: dict[str, object] = {
    "pid": 1, "uptime_seconds": 2.5, "contacts": 3, "routes": {"direct": 8, "mailbox": 2},
    "transports": {"libp2p": {"connections": 4}, "memory": {"connections": 1}}, "queues": {"rpc_calls": 5},
    "components": {"directory": ["x"]}, "reachability": {"libp2p": {"kind": "public", "observed": ["/ip4/192.0.2.1"]}},
}  # fmt: skip


async def ask(running: RunningNode, request: bytes) -> str:
    """The whole response to a request, as it is on the wire."""
    host, _, port = running.node.monitor.address.removeprefix("http://").rpartition(":")
    async with await anyio.connect_tcp(host.strip("[]"), int(port)) as stream:
        await stream.send(request)
        answer = b""
        with anyio.fail_after(20):
            while True:
                try:
                    answer += await stream.receive()
                except anyio.EndOfStream:
                    return answer.decode()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:9464\r\n\r\n".encode()


async def test_a_node_shows_its_numbers_and_that_it_is_ready(nodes: Nodes) -> None:
    ana = await nodes.start("ana", metrics__port=0)
    assert ana.node.monitor.address.startswith("http://127.0.0.1:")
    shown = await ask(ana, get("/metrics"))
    assert shown.startswith("HTTP/1.1 200 OK\r\n")
    assert "\nmepassa_accounts 1.0\n" in shown
    assert 'mepassa_transport_connections{transport="memory"} 0.0\n' in shown
    assert (await ask(ana, get("/healthz"))).endswith("\r\n\r\nalive\n")
    assert (await ask(ana, get("/readyz"))).endswith("\r\n\r\nready\n")
    ana.node.monitor.ready = False
    assert (await ask(ana, get("/readyz"))).startswith("HTTP/1.1 503 ")


async def test_no_id_of_anybody_is_shown(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(metrics__port=0)
    await ana.say(bob, "hello")
    await nodes.in_time(lambda: bool(ana.facts("message.delivered")))
    shown = await ask(ana, get("/metrics"))
    assert 'mepassa_messages_delivered_total{route="direct"} 1.0\n' in shown
    for secret in (ana.account, bob.account, ana.node_id, bob.node_id, "/memory/", "ana", "bob"):
        assert secret not in shown


async def test_nothing_is_shown_unless_it_is_asked_for(nodes: Nodes) -> None:
    assert (await nodes.start("ana")).node.monitor.address == ""


async def test_a_port_that_is_taken_is_told(nodes: Nodes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SocketInUse, match=r"metrics\.port"):
        await nodes.start("ana", metrics__port=taken.getsockname()[1])


def test_the_numbers_of_stats_become_gauges_and_words_are_left_out() -> None:
    lines = [line for line in exposition(STATS).splitlines() if not line.startswith("#")]
    assert sorted(lines) == sorted(
        [
            'mepassa_messages_delivered_total{route="direct"} 8.0',
            'mepassa_messages_delivered_total{route="relayed"} 0.0',
            'mepassa_messages_delivered_total{route="mailbox"} 2.0',
            "mepassa_pid 1.0",
            "mepassa_uptime_seconds 2.5",
            "mepassa_contacts 3.0",
            "mepassa_queue_rpc_calls 5.0",
            'mepassa_transport_connections{transport="libp2p"} 4.0',
            'mepassa_transport_connections{transport="memory"} 1.0',
        ]
    )


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /metrics HTTP/1.1", "405"),
        (b"GET /else HTTP/1.1", "404"),
        (b"GET /metrics?x HTTP/1.1", "200"),
        (b"\xff\x00", "405"),
        (b"", "405"),
        (b"GET", "404"),
    ],
)
def test_what_is_no_request_for_one_of_three_is_refused(head: bytes, status: str) -> None:
    answer = Monitor(Metrics(), lambda: STATS, Lines()).answer(head)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


def test_a_head_request_gets_no_body() -> None:
    for path, size in ((b"/healthz", 6), (b"/readyz", 10), (b"/else", 42)):
        answer = Monitor(Metrics(), lambda: STATS, Lines()).answer(b"HEAD %s HTTP/1.1" % path)
        assert re.search(rb"Content-Length: %d\r\n.*\r\n\r\n$" % size, answer, re.DOTALL)


async def test_a_request_without_end_and_too_many_silent_ones_are_hung_up_on(nodes: Nodes) -> None:
    ana = await nodes.start("ana", metrics__port=0)
    assert (await ask(ana, b"GET /" + b"x" * MAX_REQUEST)).startswith("HTTP/1.1 404 ")
    host, _, port = ana.node.monitor.address.removeprefix("http://").rpartition(":")
    silent = [await anyio.connect_tcp(host, int(port)) for _ in range(MAX_CONNECTIONS)]
    await nodes.in_time(lambda: ana.node.monitor._open == MAX_CONNECTIONS)
    with pytest.raises((anyio.BrokenResourceError, AssertionError, OSError)):
        assert await ask(ana, get("/healthz"))
    for stream in silent:
        await stream.aclose()


async def test_numbers_that_a_plugin_fails_to_tell_cost_an_answer_and_not_the_node(nodes: Nodes) -> None:
    def stats() -> dict[str, object]:
        raise ZeroDivisionError

    ana = await nodes.start("ana", metrics__port=0)
    ana.node.monitor._stats = stats
    assert (await ask(ana, get("/metrics"))).startswith("HTTP/1.1 500 ")
    assert (await ask(ana, get("/healthz"))).startswith("HTTP/1.1 200 ")


async def test_each_number_says_what_it_is_and_no_pass_is_taken_for_a_role(nodes: Nodes) -> None:
    ana = await nodes.start("ana", roles="[mailbox]")
    await ana.node.supervisor.until_up("mailbox")
    shown = exposition(ana.node.stats())
    assert "A plugin's number" not in shown
    assert "# TYPE mepassa_passes_refused_total counter\nmepassa_passes_refused_total 0.0\n" in shown
    assert "# HELP mepassa_queue_rpc_calls_most The most ever: calls in flight of one session.\n" in shown
    assert set(re.findall(r'role="(\w+)"', shown)) == {"mailbox"}
    assert meaning("transport_x") == "A plugin's number in system.stats: transport_x."


@pytest.mark.parametrize("label", sorted(COUNTED))
def test_whatever_is_counted_has_a_meaning(label: str) -> None:
    assert {f"{label}_{name}" for name in COUNTED[label]} <= set(MEANINGS)


def test_what_only_grows_is_a_counter_and_a_name_that_is_taken_is_not_taken_again() -> None:
    stats = {"store": {"commits": 2}, "transport_x": 1, "transports": {"a": {"x": 5}}, "relays": {"b": {"gave_way": 3}}}
    shown = exposition(stats)
    assert "# TYPE mepassa_store_commits_total counter\nmepassa_store_commits_total 2.0\n" in shown
    assert 'mepassa_relay_gave_way_total{relay="b"} 3.0\n' in shown
    assert "mepassa_transport_x 1.0\n" in shown
    assert 'transport="a"' not in shown


@pytest.mark.parametrize(
    ("listens", "host", "status"),
    [
        ("127.0.0.1", "127.0.0.1:9464", 200),
        ("127.0.0.1", "LocalHost", 200),
        ("::1", "[::1]:9464", 200),
        ("127.0.0.1", "evil.example:9464", 421),
        ("localhost", "localhost.evil.example", 421),
        ("127.0.0.1", "127.0.0.1\r\nHost: evil.example", 421),
        ("127.0.0.1", "", 421),
        ("10.0.0.1", "monitored.example:9464", 200),
    ],
)
def test_on_loopback_nobody_asks_by_a_name_that_may_be_a_web_pages_own(listens: str, host: str, status: int) -> None:
    head = f"GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    assert Monitor(Metrics(host=listens), lambda: STATS, Lines()).answer(head).startswith(b"HTTP/1.1 %d " % status)


async def test_an_address_of_ipv6_is_told_in_brackets_and_a_node_that_stops_is_not_ready(nodes: Nodes) -> None:
    ana = await nodes.start("ana", metrics__port=0, metrics__host="::1")
    assert ana.node.monitor.address.startswith("http://[::1]:")
    assert (await ask(ana, b"GET /readyz HTTP/1.1\r\nHost: [::1]\r\n\r\n")).startswith("HTTP/1.1 200 ")
    await nodes.up.pop("ana").stop()
    assert not ana.node.monitor.ready
