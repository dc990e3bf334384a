"""What a monitor sees of the node: its numbers for Prometheus, and whether it lives and is ready; over HTTP, on a port
of its own, if the configuration asks for it. No id of anybody is in it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping

import anyio
from anyio.abc import Listener, SocketAttribute, SocketStream, TaskGroup

from mepassad.api.context import Log
from mepassad.config.model import Metrics
from mepassad.errors import SocketInUse
from mepassad.i18n import _
from mepassad.listening import why_not
from mepassad.meanings import COUNTED, meaning

MAX_REQUEST = 8192
"""Bytes of a request's head."""

PATIENCE = 5.0
"""Seconds that one has to ask and to take the answer."""

MAX_CONNECTIONS = 16
"""Monitors that are served at once; more are hung up on."""

LABELLED = {"transports": "transport", "relays": "relay", "directories": "directory", "roles": "role"}
"""Sections of `system.stats` with numbers by name, and what the name is called."""

PLAIN = {"queues": "queue", "store": "store", "passes": "passes"}
"""Sections of `system.stats` with numbers of one thing, and what their names begin with."""

ROUTES = ("direct", "relayed", "mailbox")
"""Routes that are shown from the start: a monitor sees a first delivery only beside a zero."""

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
            where = _("{host}, port {port}").format(host=self._config.host, port=self._config.port)
            told = _("Metrics cannot be shown at {where} ({reason}); set metrics.port.")
            raise SocketInUse(told.format(where=where, reason=why_not(error))) from error
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 (no database is near)
        host = str(self._config.host)
        self.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
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
        if not self._is_meant(head):
            return _response("421 Misdirected Request", "Ask by an IP address, or as localhost.\n", body=body)
        if path == b"/metrics":
            return self._numbers(body)
        if path == b"/healthz":
            return _response("200 OK", "alive\n", body=body)
        if path == b"/readyz":
            status, text = ("200 OK", "ready\n") if self.ready else ("503 Service Unavailable", "not ready\n")
            return _response(status, text, body=body)
        return _response("404 Not Found", "There are /metrics, /healthz and /readyz.\n", body=body)

    def _is_meant(self, head: bytes) -> bool:
        """Whether nobody was led here by a name of their own: a web page may give its name the address of loopback, and
        then read what lies there (DNS rebinding). On other addresses anybody may ask anyway."""
        own = str(self._config.host)
        if not _is_local(own):
            return True
        return all(_is_local(named) or named == own for named in _hosts(head))

    def _numbers(self, body: bool) -> bytes:
        try:
            text = exposition(self._stats())
        except Exception as error:
            # Some of the numbers are a plugin's own: that one fails to tell them must not end the node.
            self._log.warning("the numbers could not be told", reason=type(error).__name__)
            return _response("500 Internal Server Error", "The log says why.\n", body=body)
        return _response("200 OK", text, "text/plain; version=0.0.4; charset=utf-8", body)


def _hosts(head: bytes) -> Iterator[str]:
    """The host of each `Host` line of a request, without the port."""
    for line in head.splitlines()[1:]:
        name, _, value = line.decode("latin-1").partition(":")
        if name.strip().lower() == "host":
            yield re.sub(r":\d*$", "", value.strip()).strip("[]").lower()


def _is_local(host: str) -> bool:
    """Whether this is localhost, or an IP address on which only this machine can ask."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.registry import Collector

    routes = {**dict.fromkeys(ROUTES, 0.0), **dict(_numbers(stats.get("routes")))}
    delivered = CounterMetricFamily(
        "mepassa_messages_delivered", "Messages of this node that were delivered, by route.", labels=["route"]
    )
    for route, count in routes.items():
        delivered.add_metric([route or "unknown"], count)
    families: dict[tuple[str, str], CounterMetricFamily | GaugeMetricFamily] = {
        ("mepassa_messages_delivered", ""): delivered
    }
    for name, label, value, number, counts in _all(stats):
        if (name, label) not in families and any(name == known for known, _ in families):
            continue  # a plugin's number of a name that is taken
        words = meaning(name.removeprefix("mepassa_"))
        kind = CounterMetricFamily if counts else GaugeMetricFamily
        family = families.setdefault((name, label), kind(name, words, labels=[label] if label else []))
        family.add_metric([value] if label else [], number)

    class Now(Collector):
        def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
            yield from families.values()

    registry = CollectorRegistry()
    registry.register(Now())
    return str(generate_latest(registry).decode())


def _all(stats: Mapping[str, object]) -> Iterator[tuple[str, str, str, float, bool]]:
    """Name, label and its value if there is one, and every number; whether it only grows."""
    for name, number in _numbers(stats):
        yield _named(name), "", "", number, False
    for section, word in PLAIN.items():
        for name, number in _numbers(stats.get(section)):
            yield _named(word, name), "", "", number, name in COUNTED.get(word, ())
    for section, label in LABELLED.items():
        found = stats.get(section)
        for one, inner in found.items() if isinstance(found, Mapping) else ():
            for name, number in _numbers(inner):
                yield _named(label, name), label, str(one), number, name in COUNTED.get(label, ())


def _numbers(found: object) -> Iterator[tuple[str, float]]:
    if isinstance(found, Mapping):
        for name, number in found.items():
            if isinstance(number, int | float) and not isinstance(number, bool):
                yield str(name), float(number)


def _named(*words: str) -> str:
    return re.sub(r"[^a-z0-9_]", "_", "_".join(("mepassa", *words)).lower())
