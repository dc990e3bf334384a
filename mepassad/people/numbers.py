"""Mailbox numbers: fresh Ed25519 keys, one for each contact and each invite; their private halves."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api.store import Store
from mepassad.api.types import AccountId, Secret
from mepassad.api.writes import SetSetting, Write
from mepassad.wire.blobs import number_key

_SETTING = "number/"


class Numbers:
    """The private halves of all numbers that this node ever gave away, in memory and in the store."""

    def __init__(self, store: Store) -> None:
        """Begin empty; `load` fills it."""
        self._store = store
        self._private: dict[bytes, Secret] = {}

    async def load(self, accounts: Sequence[AccountId]) -> None:
        """Read the numbers of these accounts."""
        for account in accounts:
            for key, value in (await self._store.settings(account)).items():
                if key.startswith(_SETTING):
                    self._private[bytes.fromhex(key.removeprefix(_SETTING))] = Secret(value)

    def new(self, account: AccountId) -> tuple[bytes, Write]:
        """A fresh number, and the write that keeps its private half."""
        key = Ed25519PrivateKey.generate()
        number = key.public_key().public_bytes_raw()
        self._private[number] = Secret(key.private_bytes_raw())
        return number, SetSetting(account, f"{_SETTING}{number.hex()}", key.private_bytes_raw())

    def private(self, number: bytes) -> Ed25519PrivateKey | None:
        """The key that speaks for a number of ours."""
        found = self._private.get(number)
        return None if found is None else Ed25519PrivateKey.from_private_bytes(found)

    def key(self, number: bytes) -> bytes:
        """What opens the prekeys that lie in mailboxes under a number of ours; nothing where it is none."""
        found = self._private.get(number)
        return b"" if found is None else number_key(found)
