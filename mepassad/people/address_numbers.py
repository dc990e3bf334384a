"""Under which number each account's addresses lie in directories, and the key to them: replaced whenever somebody who
was told them may not follow any more."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api.store import Commit, Store
from mepassad.api.types import AccountId
from mepassad.api.writes import SetSetting
from mepassad.bus import Change

_SETTING = "directory/addresses"


class AddressNumber(msgspec.Struct, frozen=True):
    """The number's private half, and the key that opens its record: 32 bytes each."""

    private: bytes
    key: bytes

    @classmethod
    def fresh(cls) -> AddressNumber:
        """A new one, random."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw(), os.urandom(32))

    def owner(self) -> Ed25519PrivateKey:
        """What signs the record."""
        return Ed25519PrivateKey.from_private_bytes(self.private)

    def number(self) -> bytes:
        """The number itself, a public key."""
        return self.owner().public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return "AddressNumber()"


class AddressNumbers:
    """The numbers of all accounts of this node, in memory; the store has them as settings."""

    def __init__(self, store: Store) -> None:
        """`replaced` is called with an account once its new number is kept."""
        self._store = store
        self._all: dict[AccountId, AddressNumber] = {}
        self.replaced: Callable[[AccountId], None] = lambda account: None

    async def load(self, accounts: Sequence[AccountId]) -> None:
        """Read the numbers of these accounts, and make those that are missing. Raises `StoreFull`."""
        for account in accounts:
            kept = await self._store.setting(account, _SETTING)
            if kept is None:
                self._all[account] = made = AddressNumber.fresh()
                await self._store.commit(Commit((_write(account, made),)))
            else:
                self._all[account] = AddressNumber(kept[:32], kept[32:])

    def of(self, account: AccountId) -> AddressNumber:
        """The number of an account that was loaded."""
        return self._all[account]

    def replace(self, change: Change, account: AccountId) -> None:
        """Give an account another number: in memory at once, in the store with the change, which takes it back if it
        fails."""
        before, self._all[account] = self._all[account], AddressNumber.fresh()
        change.add(_write(account, self._all[account]))
        change.undoing(lambda: self._all.__setitem__(account, before))
        change.then(lambda: self.replaced(account))


def _write(account: AccountId, number: AddressNumber) -> SetSetting:
    return SetSetting(account, _SETTING, number.private + number.key)
