"""Where the other end of a stream is."""

from __future__ import annotations

from collections.abc import Sequence

from libp2p.abc import INetStream


def host_of(net: INetStream) -> str:
    """The IP address of a stream's other end; "" over a relay."""
    remote = net.muxed_conn.get_remote_address()  # type: ignore[attr-defined]
    return str(remote[0]).partition("%")[0].removeprefix("::ffff:") if remote else ""


def reached_at(net: INetStream, addresses: Sequence[str]) -> str:
    """Of some addresses, the one at which a stream's other end is; "" where it is at none, as when it came by
    itself."""
    remote = net.muxed_conn.get_remote_address()  # type: ignore[attr-defined]
    for text in addresses if remote else ():
        parts = text.split("/")
        if len(parts) > 4 and (parts[2], parts[4]) == (host_of(net), str(remote[1])):
            return text
    return ""
