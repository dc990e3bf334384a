"""Receipts owed to contacts: gathered a moment, then sent together or with the next message to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio

from mepassad.api.context import Clock
from mepassad.api.types import AccountId, Receipt

Key = tuple[AccountId, AccountId]
AT_ONCE = 512  # receipts in one content
RETRY = 5.0  # seconds


class Receipts:
    """What is owed, in memory; the store has the same rows."""

    def __init__(self, clock: Clock, delay: float) -> None:
        """`delay`: seconds that a receipt waits for company. `send` is called for each contact when it is over."""
        self._clock, self._delay = clock, delay
        self._owed: dict[Key, dict[Receipt, None]] = {}
        self._wake = anyio.Event()
        self.send: Callable[[AccountId, AccountId], Awaitable[None]]

    def owe(self, receipts: Sequence[Receipt]) -> None:
        """Add receipts that are durably owed; one that is owed already counts once."""
        for receipt in receipts:
            self._owed.setdefault((receipt.account, receipt.contact), {})[receipt] = None
        if receipts:
            self._wake.set()

    def take(self, account: AccountId, contact: AccountId) -> Sequence[Receipt]:
        """Some of what is owed to a contact, to be put into a content. Give it back with `owe` if that fails."""
        owed = self._owed.get((account, contact))
        if not owed:
            return ()
        taken = list(owed)[:AT_ONCE]
        for receipt in taken:
            del owed[receipt]
        if owed:
            self._wake.set()  # the rest goes next
        else:
            del self._owed[account, contact]
        return taken

    async def run(self) -> None:
        """Send what is owed, until cancelled."""
        while True:
            await self._wake.wait()
            await self._clock.sleep(self._delay)
            self._wake = anyio.Event()
            for account, contact in list(self._owed):
                try:
                    await self.send(account, contact)
                except Exception:
                    # The disk is full, say: the receipts are owed again, and nothing is won by hurrying.
                    await self._clock.sleep(RETRY)
