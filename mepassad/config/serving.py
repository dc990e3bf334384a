"""The sections of config.yaml about what a node does for others."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from mepassad.config.addresses import check_node_id
from mepassad.config.section import Section
from mepassad.i18n import _


def check_admission(admit: str, pass_file: Path | None, listed: Collection[str]) -> None:
    """Raise ValueError where a way to admit lacks what it needs, or what is listed is no node."""
    if admit == "pass" and pass_file is None:
        raise ValueError("admit: " + _("`pass` needs `pass_file`, the path of a file with the pass"))
    if admit == "list" and not listed:
        raise ValueError("admit: " + _("`list` needs `list`, the ids of the nodes that are admitted"))
    for one in listed:
        try:
            check_node_id(one)
        except ValueError as error:
            raise ValueError(f"list: {error}") from None


class Relay(Section, frozen=True):
    """What this node lends to others as a relay, where `roles` has `relay`."""

    admit: Annotated[
        Literal["open", "pass", "list", "contacts"],
        Meta(
            description="Whose nodes may be reached through it: all, those that know the pass, those on the list, or "
            "those of contacts of the accounts here."
        ),
    ] = "open"
    pass_file: Annotated[
        Path | None, Meta(description="File 0600 with the pass, at least 16 characters. Default: none.")
    ] = None
    list: Annotated[tuple[str, ...], Meta(description="Ids of nodes that may be reached through it.")] = ()
    reservations: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Nodes that may be reached through it at once.")
    ] = 256
    lifetime: Annotated[
        int, Meta(ge=2, le=86_400, description="Seconds until a node must ask for its place again.")
    ] = 3600
    circuits: Annotated[int, Meta(ge=1, le=1_000_000, description="Connections that it carries at once.")] = 512
    circuits_per_peer: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Connections at once from one node, and to one node.")
    ] = 16
    duration: Annotated[
        int, Meta(ge=0, le=31_536_000, description="Seconds that a connection may last; 0: no limit.")
    ] = 0
    circuit_bytes: Annotated[
        int, Meta(ge=0, le=1 << 50, description="Bytes that one connection may carry; 0: no limit.")
    ] = 0
    day_bytes: Annotated[
        int, Meta(ge=0, le=1 << 50, description="Bytes that it carries from and to one node in a day; 0: no limit.")
    ] = 2 << 30

    def __post_init__(self) -> None:
        """Whoever admits by pass or list must have one."""
        check_admission(self.admit, self.pass_file, self.list)


class Mailbox(Section, frozen=True):
    """The mailbox that this node is for others, where `roles` has `mailbox`."""

    plugin: Annotated[str, Meta(description="Name of the plugin that keeps what lies in it.")] = "mailbox_sqlite"
    admit: Annotated[
        Literal["open", "pass", "list", "contacts"],
        Meta(
            description="Whose nodes may open boxes here: all, those that know the pass, those on the list, or those "
            "of contacts of the accounts here."
        ),
    ] = "open"
    pass_file: Annotated[
        Path | None, Meta(description="File 0600 with the pass, at least 16 characters. Default: none.")
    ] = None
    list: Annotated[tuple[str, ...], Meta(description="Ids of nodes that may open boxes.")] = ()
    ttl_days: Annotated[int, Meta(ge=1, le=14, description="Days that an envelope may wait, at most.")] = 14
    idle_days: Annotated[
        int, Meta(ge=30, le=3650, description="Days after which a box is closed that its owner did not open again.")
    ] = 90
    max_envelope: Annotated[int, Meta(ge=16_945, le=1_048_625, description="Largest envelope, in bytes.")] = 1_048_625
    max_boxes: Annotated[int, Meta(ge=1, le=1 << 31, description="Boxes that there may be.")] = 1_000_000
    max_bytes: Annotated[
        int, Meta(ge=1 << 20, le=1 << 50, description="Bytes that all boxes may hold, 256 more for each thing in them.")
    ] = 4 << 30
    node_bytes: Annotated[
        int, Meta(ge=1 << 16, le=1 << 50, description="Bytes that the boxes which one node opened may hold.")
    ] = 256 << 20
    max_records: Annotated[int, Meta(ge=0, le=1 << 31, description="Records of the directory kept here.")] = 1_000_000
    record_bytes: Annotated[
        int, Meta(ge=0, le=1 << 50, description="Bytes of those records, beside what the boxes hold.")
    ] = 1 << 30
    box_bytes: Annotated[int, Meta(ge=1 << 16, le=1 << 40, description="Bytes of envelopes in one box.")] = 64 << 20
    box_envelopes: Annotated[int, Meta(ge=1, le=1 << 30, description="Envelopes in one box.")] = 10_000
    box_blobs: Annotated[int, Meta(ge=5, le=10_000, description="One-time blobs (prekeys) in one box.")] = 100
    box_blob_bytes: Annotated[
        int, Meta(ge=1 << 19, le=1 << 30, description="Bytes of blobs in one box, with the last resort.")
    ] = 2 << 20
    new_boxes: Annotated[
        int, Meta(ge=1, le=1 << 31, description="New boxes that one node may open at once; as many new records.")
    ] = 10_000
    new_boxes_hourly: Annotated[
        int, Meta(ge=1, le=1 << 31, description="New boxes that one node may open an hour, on average.")
    ] = 100
    rate: Annotated[
        int,
        Meta(ge=1, le=1_000_000, description="Requests a second of one node, on average; beyond, its stream waits."),
    ] = 1000
    burst: Annotated[int, Meta(ge=1, le=1_000_000, description="Requests of one node at once.")] = 20_000
    takes: Annotated[int, Meta(ge=1, le=10_000, description="One-time blobs of one box handed out at once.")] = 10
    takes_hourly: Annotated[
        int, Meta(ge=1, le=10_000, description="One-time blobs of one box handed out an hour, on average.")
    ] = 10
    asks: Annotated[int, Meta(ge=1, le=100_000, description="Blobs that one node may ask for at once.")] = 100
    asks_hourly: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Blobs that one node may ask for an hour, on average.")
    ] = 200

    def __post_init__(self) -> None:
        """Whoever admits by pass or list must have one."""
        check_admission(self.admit, self.pass_file, self.list)
