"""The roles of this node, brought up: what it serves the nodes of others with, as `roles` in config.yaml says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from anyio.abc import TaskGroup

from mepassad.api.context import Clock
from mepassad.api.transport import Transport
from mepassad.api.types import NodeId
from mepassad.config.model import Config
from mepassad.delivery.limits import Pace
from mepassad.log import StructuredLog
from mepassad.serving.admission import Admission
from mepassad.serving.mailbox import HOUR, MailboxServer
from mepassad.serving.passes import Passes, read_pass
from mepassad.serving.records import RecordServer
from mepassad.supervisor import Supervisor
from mepassad.wire.mailbox import MAILBOX_PROTOCOL
from mepassad.wire.passes import PASS_PROTOCOL
from mepassad.wire.records import DIRECTORY_PROTOCOL, check_record


class Roles:
    """What this node does for others."""

    def __init__(self, config: Config, node_key: bytes, clock: Clock, friends: Callable[[], Collection[str]]) -> None:
        """`node_key`: this node's public key; `friends`: the nodes that contacts live on. Raises as `read_pass`."""
        self._config, self._node_key, self._clock, self._friends = config, node_key, clock, friends
        self._admissions: list[Admission] = []
        self.mailbox: MailboxServer | None = None
        self._passes: Passes | None = None

    def admission(self, admit: str, pass_file: Path | None, listed: Sequence[str]) -> Admission:
        """Whom a role admits, as its section says. Raises as `read_pass`."""
        pass_ = read_pass(pass_file) if admit == "pass" and pass_file is not None else None
        known = self._friends if admit == "contacts" else lambda: listed
        self._admissions.append(Admission(admit, pass_, known, self._clock))
        return self._admissions[-1]

    def serve(self, transports: Sequence[Transport], tasks: TaskGroup, supervisor: Supervisor) -> None:
        """Serve over these transports, before any of them listens, with what the supervisor keeps alive. Raises as
        `read_pass`."""
        own = self._config.mailbox
        if "mailbox" in self._config.roles:
            admission = self.admission(own.admit, own.pass_file, own.list)
            self.mailbox = MailboxServer(
                self._node_key, own, supervisor, admission, self._clock, StructuredLog("mailbox")
            )
            tasks.start_soon(self.mailbox.run)
            live = supervisor.live["mailbox"]
            names = Pace(own.new_boxes_hourly / HOUR, own.new_boxes)  # an account has a record, and boxes besides
            records = RecordServer(
                lambda: next(iter(live.values()), None), admission.admits, self._check, self._clock, names
            )
            for transport in transports:
                transport.handle(MAILBOX_PROTOCOL, self.mailbox.serve)
                transport.handle(DIRECTORY_PROTOCOL, records.serve)
        if "relay" in self._config.roles:
            lent = self._config.relay
            admits = self.admission(lent.admit, lent.pass_file, lent.list).admits
            supervisor.begin["relay"] = lambda relay: relay.serve(admits)
        if self._admissions:
            self._passes = Passes(self._node_key, self._admissions)
            for transport in transports:
                transport.handle(PASS_PROTOCOL, self._passes.serve)
                transport.watch(lambda node: None, self._lost)

    def _check(self, key: bytes, value: bytes) -> int:
        return check_record(key, value, int(self._clock.now()))

    def lines(self, addresses: Sequence[str]) -> list[str]:
        """What others write into their config.yaml to be served by this node, which has these addresses."""
        listed = ", ".join(addresses)
        if not addresses or not self._config.roles:
            return []
        return [f"mailboxes: [{listed}]" if self.mailbox else f"transport_libp2p: {{bootstrap: [{listed}]}}"]

    def asks_for_pass(self) -> bool:
        """Whether who is to be served must show a pass."""
        admits = {"mailbox": self._config.mailbox.admit, "relay": self._config.relay.admit}
        return any(admits.get(role) == "pass" for role in self._config.roles)

    @property
    def names(self) -> Sequence[str]:
        """The roles that the configuration names."""
        return self._config.roles

    def stats(self) -> dict[str, dict[str, int]]:
        """Numbers for an operator, by role."""
        return {"mailbox": self.mailbox.stats()} if self.mailbox else {}

    def passes(self) -> dict[str, int]:
        """How many proofs of the pass were right, and how many were not; nothing where no role serves."""
        return self._passes.stats() if self._passes else {}

    def _lost(self, node: NodeId) -> None:
        for admission in self._admissions:
            admission.lost(node)
