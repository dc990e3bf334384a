"""Old contacts of accounts that were restored: taken back without an invite, for a while."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from mepassad.api.context import Clock
from mepassad.api.store import Store
from mepassad.api.types import AccountId, Contact
from mepassad.api.writes import SetSetting
from mepassad.bus import Change
from mepassad.people.accounts import Accounts, Me
from mepassad.wire.directory import reunion_proof
from mepassad.wire.ids import account_key

_LEFT = "reunion/left"
_DAY = 86_400


class Reunions:
    """Who may come back to an account that lost its contacts: whoever knows its own reunion key, which
    only contacts were told, unless they were removed after the restore."""

    def __init__(self, store: Store, clock: Clock, accounts: Accounts, days: int) -> None:
        """`days`: how long after a restore old contacts are taken back."""
        self._store, self._clock, self._accounts, self._lasts = store, clock, accounts, days * _DAY
        self._left: dict[AccountId, bytes] = {}

    async def load(self, accounts: Sequence[AccountId]) -> None:
        """Read who was removed since."""
        for account in accounts:
            self._left[account] = await self._store.setting(account, _LEFT) or b""

    def of_number(self, number: bytes) -> Me | None:
        """The account of this directory number, while it takes old contacts back."""
        for row in self._accounts.all():
            me = self._accounts.me(row.id)
            if me.directory and self.is_open(me) and hmac.compare_digest(me.directory.number(), number):
                return me
        return None

    def is_open(self, me: Me) -> bool:
        """Whether an account was restored, and takes old contacts back."""
        return bool(me.restored_at) and self._clock.now() < me.restored_at + self._lasts

    def is_proven(self, me: Me, contact: bytes, given: bytes, transcript: bytes) -> bool:
        """Whether `given` proves, in the handshake with this transcript, that an account (its key) is an old contact
        whom nobody removed."""
        if me.directory is None:
            return False
        shown = hmac.compare_digest(reunion_proof(me.directory.reunion_key(contact), transcript), given)
        return shown and contact not in self._removed(me.row.id)

    def anybody_left(self, account: AccountId) -> bool:
        """Whether a contact was removed since the restore."""
        return bool(self._left.get(account))

    def _removed(self, account: AccountId) -> set[bytes]:
        left = self._left.get(account, b"")
        return {left[at : at + 32] for at in range(0, len(left), 32)}

    def leave(self, change: Change, contact: Contact) -> None:
        """A contact is removed: it does not come back by itself."""
        me, key = self._accounts.me(contact.account), account_key(contact.id)
        if self.is_open(me) and key not in self._removed(contact.account):
            before = self._left.get(contact.account, b"")
            self._left[contact.account] = before + key
            change.add(SetSetting(contact.account, _LEFT, before + key))
            change.undoing(lambda: self._left.__setitem__(contact.account, before))
