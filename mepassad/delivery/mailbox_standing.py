"""How one mailbox of ours does: whether it serves us, since when, and if not, why; for who asks, and for the log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from mepassad.api.context import Clock, Log
from mepassad.api.types import NodeId
from mepassad.errors import MailboxRefused, MepassaError


class Standing:
    """It does not serve us at first."""

    def __init__(self, node: NodeId, clock: Clock, log: Log) -> None:
        """`node`: the mailbox's."""
        self._node, self._clock, self._log = node, clock, log
        self.connected = False
        self._since = clock.now()
        self._reason = ""

    def speaks(self) -> None:
        """The mailbox answers, and let us in."""
        self._turn(True)

    def serves(self) -> None:
        """The boxes that there are to be are open."""
        self._reason = ""

    def ended(self) -> None:
        """There is no stream to it any more."""
        self._turn(False)

    def failed(self, event: str, error: MepassaError) -> None:
        """Why there is no stream, or not all is open. What only a person can mend is a warning, once until it is."""
        new, self._reason = error.sentence != self._reason, error.sentence
        tell = self._log.warning if new and isinstance(error, MailboxRefused) else self._log.info
        tell(event, node=self._node, reason=error.sentence)

    def stats(self) -> Mapping[str, object]:
        """For `system.stats`: `since` is when `connected` last changed, `reason` empty where all is well."""
        since = datetime.fromtimestamp(int(self._since), UTC).isoformat().replace("+00:00", "Z")
        return {"connected": self.connected, "since": since, "reason": self._reason}

    def _turn(self, connected: bool) -> None:
        if connected != self.connected:
            self.connected, self._since = connected, self._clock.now()
