"""What a monitor sees of the node: its numbers for Prometheus, and whether it lives and is ready; over HTTP, on a port
of its own, if the configuration asks for it. No id of anybody is in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import anyio
from anyio.abc import Listener, SocketAttribute, SocketStream, TaskGroup

from mepassad.api.context import Log
from mepassad.config.model import Metrics
from mepassad.errors import SocketInUse

MAX_REQUEST = 8192
"""Bytes of a request's head."""

PATIENCE = 5.0
"""Seconds that one has to ask and to take the answer."""

MAX_CONNECTIONS = 16
"""Monitors that are served at once; more are hung up on."""

LABELLED = {"transports": "transport", "relays": "relay", "directories": "directory", "roles": "role"}
"""Sections of `system.stats` with numbers by name, and what the name is called."""

Stats = Callable[[], Mapping[str, object]]


class Monitor:
    """Answers `/metrics`, `/healthz` and `/readyz`."""

    def __init__(self, config: Metrics, stats: Stats, log: Log) -> None:
        """`stats`: what `system.stats` answers. `ready` is set while clients are answered."""
        self._config, self._stats, self._log = config, stats, log
        self._open = 0
        self.ready = False
        self.address = ""

    async def start(self, tasks: TaskGroup) -> None:
        """Listen, if the configuration says where. Raises `SocketInUse`."""
        if self._config.port is None:
            return
        try:
            listener = await anyio.create_tcp_listener(
                local_host=str(self._config.host), local_port=self._config.port, reuse_port=False
            )
        except OSError as error:
            where = f"{self._config.host}, port {self._config.port}"
            raise SocketInUse(f"Metrics cannot be shown at {where} ({error.strerror}); set metrics.port.") from error
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 (no database is near)
        self.address = f"http://{self._config.host}:{port}"
        self._log.info("metrics are shown", address=self.address)
        tasks.start_soon(self._listen, listener)

    async def _listen(self, listener: Listener[SocketStream]) -> None:
        async with listener:
            await listener.serve(self._serve)

    async def _serve(self, stream: SocketStream) -> None:
        async with stream:
            if self._open >= MAX_CONNECTIONS:
                return
            self._open += 1
            try:
                with anyio.move_on_after(PATIENCE):
                    await stream.send(self.answer(await _head(stream)))
                    await stream.send_eof()
            except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream):
                pass  # whoever asked has gone
            finally:
                self._open -= 1

    def answer(self, head: bytes) -> bytes:
        """The whole response to a request's head."""
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", "Only GET is answered here.\n")
        body = method == b"GET"
        if path == b"/metrics":
            return _response("200 OK", exposition(self._stats()), "text/plain; version=0.0.4; charset=utf-8", body)
        if path == b"/healthz":
            return _response("200 OK", "alive\n", body=body)
        if path == b"/readyz":
            return _response(*(("200 OK", "ready\n") if self.ready else ("503 Service Unavailable", "not ready\n")))
        return _response("404 Not Found", "There are /metrics, /healthz and /readyz.\n", body=body)


async def _head(stream: SocketStream) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and b"\n\n" not in data and len(data) < MAX_REQUEST:
        data += await stream.receive(MAX_REQUEST)
    return data


def _response(status: str, text: str, kind: str = "text/plain; charset=utf-8", body: bool = True) -> bytes:
    raw = text.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(raw)}\r\nConnection: close\r\n\r\n"
    return head.encode() + (raw if body else b"")


def exposition(stats: Mapping[str, object]) -> str:
    """The node's numbers in the text format of Prometheus."""
    from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

    registry = CollectorRegistry()
    counted = Counter("mepassa_messages_delivered", "Messages delivered, by route.", ["route"], registry=registry)
    for route, count in _numbers(stats.get("routes")):
        counted.labels(route or "unknown").inc(count)
    gauges: dict[str, Gauge] = {}
    for name, label, value, number in _gauges(stats):
        if name not in gauges:
            words = f"{name.removeprefix('mepassa_').replace('_', ' ')}, of system.stats."
            gauges[name] = Gauge(name, words, [label] if label else [], registry=registry)
        (gauges[name].labels(value) if label else gauges[name]).set(number)
    return str(generate_latest(registry).decode())


def _gauges(stats: Mapping[str, object]) -> Iterator[tuple[str, str, str, float]]:
    """Name, label and its value if there is one, and number of every gauge."""
    for name, number in _numbers(stats):
        yield _named(name), "", "", number
    for section in ("queues", "store"):
        for name, number in _numbers(stats.get(section)):
            yield _named(section.removesuffix("s"), name), "", "", number
    for section, label in LABELLED.items():
        found = stats.get(section)
        for one, inner in found.items() if isinstance(found, Mapping) else ():
            for name, number in _numbers(inner):
                yield _named(label, name), label, str(one), number


def _numbers(found: object) -> Iterator[tuple[str, float]]:
    if isinstance(found, Mapping):
        for name, number in found.items():
            if isinstance(number, int | float) and not isinstance(number, bool):
                yield str(name), float(number)


def _named(*words: str) -> str:
    return re.sub(r"[^a-z0-9_]", "_", "_".join(("mepassa", *words)).lower())
