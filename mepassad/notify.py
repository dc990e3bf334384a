"""Tells the service manager how the node is: sd_notify(3), over the socket that systemd names in the environment."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from mepassad.api.context import Clock, Log

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"


class Manager:
    """The service manager that started this process; without one, nothing is told to nobody."""

    def __init__(self, environ: Mapping[str, str], log: Log) -> None:
        """`environ`: where `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` are, if they are."""
        self._address, self._log = environ.get("NOTIFY_SOCKET", ""), log
        others = environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid())
        given = environ.get("WATCHDOG_USEC", "")
        self.patience = int(given) / 1e6 if given.isascii() and given.isdigit() and not others else 0.0
        """Seconds without a sign of life after which it ends this process; 0: it does not look."""

    def tell(self, state: str) -> None:
        """Send one state; a manager that does not listen must not stop the node."""
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                out.setblocking(False)
                out.sendto(state.encode(), address)
        except OSError as error:
            self._log.warning("the service manager could not be told", state=state, reason=str(error))

    async def keep_telling(self, clock: Clock) -> None:
        """Give a sign of life twice in each span of patience, as long as the loop turns; until cancelled."""
        while self._address and self.patience:
            self.tell(ALIVE)
            await clock.sleep(self.patience / 2)
