"""The core's keys of config.yaml: their types, bounds, defaults, and a sentence each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from mepassad.config.addresses import check_node_address
from mepassad.config.section import Section
from mepassad.config.serving import Mailbox, Relay
from mepassad.i18n import _
from mepassad.wire.addresses import may_dial

MailboxAddress = Annotated[str, Meta(max_length=256)]
"""A multiaddr with the id of its node."""

MAX_MAILBOXES = 4
"""Mailbox nodes that a node may have; each may have several addresses."""


class Node(Section, frozen=True):
    """The node itself."""

    name: Annotated[
        str, Meta(min_length=1, max_length=64, description="Name of the first account; contacts see it.")
    ] = "mepassa"
    data_dir: Annotated[
        Path,
        Meta(
            description="Folder of everything the node keeps. "
            "Default: $STATE_DIRECTORY, else $XDG_DATA_HOME/mepassad, else ~/.local/share/mepassad."
        ),
    ] = Path("~/.local/share/mepassad")


class Rpc(Section, frozen=True):
    """The local socket that clients and bots speak JSON-RPC on."""

    socket: Annotated[
        Path, Meta(description="Path of the socket, at most 107 bytes. Default: run/mepassad.sock in node.data_dir.")
    ] = Path("run/mepassad.sock")
    max_line: Annotated[int, Meta(ge=1024, le=1 << 26, description="Longest request or reply, in bytes.")] = 1 << 20
    max_depth: Annotated[int, Meta(ge=4, le=200, description="Deepest nesting of a request.")] = 32
    max_calls: Annotated[
        int, Meta(ge=1, le=1024, description="Calls in flight of one session; beyond, its socket is not read.")
    ] = 32
    max_sessions: Annotated[int, Meta(ge=1, le=10_000, description="Sessions open at once.")] = 64
    bots_socket: Annotated[
        Path | None,
        Meta(description="Path of a second socket for programs of other users, who must show a token. Default: none."),
    ] = None
    bots_group: Annotated[
        str, Meta(max_length=64, description="Group that may open it (0660). Default: the user of the node alone.")
    ] = ""
    max_bot_sessions: Annotated[int, Meta(ge=1, le=10_000, description="Sessions open on that socket at once.")] = 64
    hello_timeout: Annotated[
        float, Meta(gt=0, le=3600, description="Seconds within which a token must be shown there.")
    ] = 10.0
    max_tokens: Annotated[int, Meta(ge=1, le=100_000, description="Tokens that there may be.")] = 1000
    max_state: Annotated[
        int, Meta(ge=256, le=1 << 20, description="Bytes that a bot may keep about one conversation, as JSON.")
    ] = 65_536
    max_subscriptions: Annotated[int, Meta(ge=1, le=1024, description="Subscriptions of one session.")] = 16
    follow_lag: Annotated[
        int, Meta(ge=1, le=100_000, description="Events a follower may be behind before it returns to replay.")
    ] = 256
    write_timeout: Annotated[
        float, Meta(gt=0, le=3600, description="Seconds a client may leave its replies unread before it is dropped.")
    ] = 30.0


class Crypto(Section, frozen=True):
    """The end-to-end encryption."""

    plugin: Annotated[str, Meta(description="Name of the plugin that provides it.")] = "signal"


class Store(Section, frozen=True):
    """The node's own database."""

    plugin: Annotated[str, Meta(description="Name of the plugin that provides it.")] = "sqlite"


class Log(Section, frozen=True):
    """The log, on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="Least grave level shown.")] = (
        "info"
    )
    format: Annotated[Literal["text", "json"], Meta(description="One line of text or one JSON object an event.")] = (
        "text"
    )


class Keys(Section, frozen=True):
    """Where the passphrase of a folder comes from whose keys are sealed, in this order; else it is asked for."""

    credential: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,254}$", description="Name of the systemd credential."),
    ] = "mepassad.passphrase"
    passphrase_file: Annotated[Path | None, Meta(description="File 0600 with the passphrase. Default: none.")] = None
    keyring: Annotated[bool, Meta(description="Ask the keyring of the operating system.")] = False
    memory_mb: Annotated[
        int,
        Meta(ge=64, le=1024, description="MiB that each guess at a passphrase takes, from when it is set or changed."),
    ] = 256


class Messages(Section, frozen=True):
    """What a message may hold."""

    max_text: Annotated[int, Meta(ge=256, le=1_000_000, description="Longest text, in bytes of UTF-8.")] = 65_536


class Delivery(Section, frozen=True):
    """How messages travel to other nodes, and what is accepted from them."""

    retry_min: Annotated[float, Meta(gt=0, le=3600, description="Seconds before the first retry.")] = 1.0
    retry_max: Annotated[float, Meta(gt=0, le=86_400, description="Longest wait between retries, in seconds.")] = 60.0
    retry_jitter: Annotated[
        float, Meta(ge=0, le=1, description="Share of a wait that is random, so that nodes do not retry in step.")
    ] = 0.25
    expire_days: Annotated[int, Meta(ge=1, le=365, description="Days after which an undelivered message expires.")] = 14
    receipt_delay_ms: Annotated[
        int, Meta(ge=0, le=60_000, description="Milliseconds a receipt waits for others to travel with.")
    ] = 10
    mailbox_after_ms: Annotated[
        int,
        Meta(ge=0, le=3_600_000, description="Milliseconds without an ack until a packet goes into mailboxes as well."),
    ] = 2000
    redeposit_hours: Annotated[
        int, Meta(ge=1, le=336, description="Hours without a receipt until a packet goes into mailboxes once more.")
    ] = 6
    window: Annotated[
        int, Meta(ge=1, le=8192, description="Packets sent to one node and not yet acknowledged by it.")
    ] = 256
    window_bytes: Annotated[
        int, Meta(ge=4096, le=1 << 30, description="Bytes of such packets; one that begins below it still goes.")
    ] = 4 << 20
    max_packet: Annotated[int, Meta(ge=4096, le=1 << 24, description="Largest packet, in bytes.")] = 1 << 20
    packet_rate: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Packets a second accepted from one node, on average.")
    ] = 20_000
    packet_burst: Annotated[int, Meta(ge=1, le=1_000_000, description="Packets accepted from one node at once.")] = (
        40_000
    )
    stall_timeout: Annotated[
        float,
        Meta(
            gt=0,
            le=3600,
            description="Seconds a node may acknowledge nothing, or read no answer, before its link ends.",
        ),
    ] = 30.0
    quarantine_packets: Annotated[
        int, Meta(ge=1, le=65_536, description="Packets of a contact kept that came too early to be opened.")
    ] = 256
    quarantine_bytes: Annotated[
        int, Meta(ge=4096, le=1 << 30, description="Bytes of a contact's packets that came too early.")
    ] = 1 << 24
    quarantine_minutes: Annotated[
        int, Meta(ge=1, le=43_200, description="Minutes until what is missing before them counts as lost.")
    ] = 60

    def __post_init__(self) -> None:
        """The waits must be in order."""
        if self.retry_max < self.retry_min:
            told = _("{most} is less than retry_min, {least}")
            raise ValueError("retry_max: " + told.format(most=f"{self.retry_max:g}", least=f"{self.retry_min:g}"))


class Invites(Section, frozen=True):
    """Invites that this node makes."""

    expires_days: Annotated[int, Meta(ge=1, le=365, description="Days that an invite is good for.")] = 7
    reunion_days: Annotated[
        int,
        Meta(ge=0, le=3650, description="Days after a restore in which contacts of before come back without one."),
    ] = 90


class Events(Section, frozen=True):
    """The log of events that clients resume from."""

    keep_days: Annotated[int, Meta(ge=1, le=3650, description="Days that an event is kept.")] = 30
    keep_rows: Annotated[int, Meta(ge=1000, le=100_000_000, description="Most events kept.")] = 1_000_000


class Metrics(Section, frozen=True):
    """The node's numbers over HTTP, for Prometheus and other monitors."""

    port: Annotated[
        Annotated[int, Meta(ge=0, le=65_535)] | None,
        Meta(description="TCP port; 0 takes any free one. Default: none, so nothing is shown."),
    ] = None
    host: Annotated[
        str, Meta(min_length=1, max_length=64, description="IP address to listen on; there is no password.")
    ] = "127.0.0.1"


class HostedBot(Section, frozen=True):
    """A bot that runs inside the daemon: of a file, or of an installed module."""

    file: Path | None = None
    module: str = ""
    account: str = ""
    scopes: tuple[str, ...] = ("write",)

    def __post_init__(self) -> None:
        """One of the two must say where it is."""
        if (self.file is None) == (not self.module):
            raise ValueError(_("a bot needs either `file`, the path of its file, or `module`, an installed module"))


class Config(Section, frozen=True):
    """All keys of the core. Plugins add a section each, under their own name."""

    node: Node = Node()
    rpc: Rpc = Rpc()
    roles: Annotated[
        tuple[Literal["bootstrap", "relay", "mailbox"], ...],
        Meta(description="What this node does for other people's nodes. Default: nothing."),
    ] = ()
    plugins: Annotated[
        tuple[str, ...], Meta(description="Plugins to load beside the built-in crypto and store, in this order.")
    ] = ()
    bots: Annotated[
        tuple[HostedBot, ...],
        Meta(
            description="Bots that run inside the daemon, each with its `file` or `module`; `account`: id of the one "
            "that it acts for (default: one of its own); `scopes`: what it may do (default: write)."
        ),
    ] = ()
    mailboxes: Annotated[
        tuple[MailboxAddress, ...],
        Meta(max_length=32, description="Mailbox nodes that keep what comes while this node is away: multiaddrs."),
    ] = ()
    pass_file: Annotated[
        Path | None,
        Meta(description="File 0600 with the pass that mailboxes, and relays in `bootstrap`, ask for. Default: none."),
    ] = None
    permissions: Annotated[
        dict[str, tuple[str, ...]], Meta(description="What each plugin is given of what it asks for, by its name.")
    ] = {}  # noqa: RUF012 of a struct, which copies it
    crypto: Crypto = Crypto()
    store: Store = Store()
    log: Log = Log()
    keys: Keys = Keys()
    messages: Messages = Messages()
    delivery: Delivery = Delivery()
    invites: Invites = Invites()
    relay: Relay = Relay()
    events: Events = Events()
    metrics: Metrics = Metrics()
    mailbox: Mailbox = Mailbox()

    def __post_init__(self) -> None:
        """Mailboxes name their nodes, are few, and are where those who are told of them may dial."""
        nodes: dict[str, list[str]] = {}
        for address in self.mailboxes:
            try:
                check_node_address(address)
            except ValueError as error:
                raise ValueError(f"mailboxes: {error}") from error
            nodes.setdefault(address.rpartition("/p2p/")[2], []).append(address)
        if len(nodes) > MAX_MAILBOXES:
            wrong = _("{count} nodes are named; {most} are enough")
            raise ValueError("mailboxes: " + wrong.format(count=len(nodes), most=MAX_MAILBOXES))
        for told in nodes.values():
            if not any(map(may_dial, told)):
                wrong = _(
                    "contacts never dial {address}: they need an address that begins with a number (/ip4 or /ip6), not "
                    "with a name, and not with a number of the local link"
                )
                raise ValueError("mailboxes: " + wrong.format(address=told[0]))
