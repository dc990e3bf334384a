"""Notices that the machine's network changed: links, addresses, default routes; told by the kernel, else by looking.

On Linux rtnetlink(7) tells that something changed and, asked, what there is now. Before and after are compared, because
most of what it tells of, such as a container's link, is nothing that a connection goes by.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Container, Iterator
from typing import Protocol

import anyio

from mepassad.api.context import Clock

SETTLE = 0.3
"""Seconds in which changes that belong together are waited for; what went and came back meanwhile was no change."""

LOOK = 5.0
"""Seconds between two looks where nobody tells."""

ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses that are on no network of ours (RFC 5737, RFC 3849): which of our own would be used towards them?"""

_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400  # links; IPv4 addresses, routes; IPv6 addresses, routes
_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_ERROR, _DONE, _LINK, _ADDRESS, _ROUTE = 2, 3, 16, 20, 24  # types of messages; to ask, each plus 2
_RUNNING, _TENTATIVE, _CLONED, _MAIN, _SCOPE_LINK = 0x40, 0x40, 0x200, 254, 253
_TIMEOUT = 1.0  # seconds; the kernel answers at once

Picture = frozenset[tuple[object, ...]]
"""What connections go by; two are equal when nothing changed."""


class Network(Protocol):
    """What tells the node that the network changed."""

    async def change(self) -> None:
        """Wait for the next change."""
        ...


class Machine:
    """The network of this machine. Implements `Network`."""

    def __init__(self, clock: Clock) -> None:
        """Changes are those since now. To be closed."""
        self._clock = clock
        self._notices = _subscribe()
        self._seen = look()

    def close(self) -> None:
        """Be told no more."""
        if self._notices is not None:
            self._notices.close()

    async def change(self) -> None:
        """Wait for the next change."""
        while True:
            if self._notices is None:
                await self._clock.sleep(LOOK)
            else:
                await anyio.wait_readable(self._notices)
                await self._clock.sleep(SETTLE)
                _drain(self._notices)
            before, self._seen = self._seen, look()
            if self._seen != before:
                return


def look() -> Picture:
    """What there is now."""
    try:
        return _asked()
    except (OSError, AttributeError, struct.error):  # refused, or not Linux, or not understood
        return frozenset(_sources())


def _sources() -> Iterator[tuple[object, ...]]:
    """The addresses that would be used towards others."""
    for family, address in ELSEWHERE:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))  # sends nothing
            yield (family, probe.getsockname()[0])


def _subscribe() -> socket.socket | None:
    """A socket that becomes readable when something changes, or None where there is no such thing."""
    try:
        notices = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    except (OSError, AttributeError):
        return None
    try:
        notices.bind((0, _GROUPS))
        notices.setblocking(False)
    except OSError:
        notices.close()
        return None
    return notices


def _drain(notices: socket.socket) -> None:
    """Take all notices; only that there are any is of interest."""
    while True:
        try:
            notices.recv(65536)
        except OSError:  # all is taken, or more came than fits, which is told once
            return


def _asked() -> Picture:
    """Addresses with whether their link runs, and default routes. Raises OSError."""
    running = {index for index, up in map(_link, _dump(_LINK)) if up}
    addresses = [one for body in _dump(_ADDRESS) if (one := _address(body, running))]
    routes = [one for body in _dump(_ROUTE) if (one := _route(body))]
    return frozenset([*addresses, *routes])


def _dump(kind: int) -> Iterator[bytes]:
    """The bodies of all messages of a kind. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as asked:
        asked.settimeout(_TIMEOUT)
        asked.bind((0, 0))
        asked.send(struct.pack("=IHHIIB3x", 20, kind + 2, _DUMP, 1, 0, socket.AF_UNSPEC))
        while True:
            data = asked.recv(1 << 17)
            while len(data) >= 16:
                size, found = struct.unpack_from("=IH", data)
                if found == _DONE:
                    return
                if found == _ERROR or not 16 <= size <= len(data):
                    raise OSError("the kernel does not say what there is")
                if found == kind:
                    yield data[16:size]
                data = data[size + 3 & ~3 :]


def _link(body: bytes) -> tuple[int, bool]:
    """A link's index, and whether it runs (ifinfomsg)."""
    index, flags = struct.unpack_from("=iI", body, 4)
    return index, bool(flags & _RUNNING)


def _address(body: bytes, running: Container[int]) -> tuple[object, ...] | None:
    """An address that others could reach, its link's index, and whether that runs (ifaddrmsg)."""
    _, _, flags, scope, index = struct.unpack_from("=BBBBI", body)
    if scope >= _SCOPE_LINK or flags & _TENTATIVE:
        return None
    found = _attributes(body[8:])
    return "address", found.get(2) or found.get(1), index, index in running


def _route(body: bytes) -> tuple[object, ...] | None:
    """A default route, or half of one, as tunnels make them: how wide, where to, and by which link (rtmsg)."""
    family, size, _, _, table, _, _, kind, flags = struct.unpack_from("=8BI", body)
    if size > 1 or table != _MAIN or kind != 1 or flags & _CLONED:
        return None
    found = _attributes(body[12:])
    return "route", family, size, *(found.get(name) for name in (1, 4, 5, 6))  # destination, link, gateway, priority


def _attributes(data: bytes) -> dict[int, bytes]:
    """The attributes of a message by their type (rtattr)."""
    found = {}
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        if size < 4:
            break
        found[kind & 0x3FFF] = data[4:size]
        data = data[size + 3 & ~3 :]
    return found
