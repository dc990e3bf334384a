"""Seal keys: each device's own, replaced weekly and kept three weeks more, and the public one to give out."""

from __future__ import annotations

import os
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec.structs import replace

from mepassad.api.context import Clock
from mepassad.api.store import Commit, Store
from mepassad.api.types import AccountId, PrivateKey
from mepassad.api.writes import DropKeys, PutKeys
from mepassad.people.accounts import Accounts
from mepassad.wire.identity import FUTURE
from mepassad.wire.messages_pb2 import SealKey
from mepassad.wire.seal import sign_seal_key, unseal

SEAL_KEY = "seal-key"  # the kind of their rows, which no crypto plugin may use for its own
_DAY = 86_400
ROTATE_AFTER = 7 * _DAY  # seconds
KEPT_UNDRAINED = 45 * _DAY  # seconds; the same where mailboxes were not drained: 30 + 14 days, as nothing waits longer
KEEP_RETIRED = 21 * _DAY  # seconds; what was sealed may be on its way for that long


class SealKeys:
    """The seal keys of all devices on this node, newest first, in memory and in the store."""

    def __init__(self, store: Store, clock: Clock, accounts: Accounts) -> None:
        """Begin empty; `load` fills it. `drained` says whether nothing can be on its way to an old key."""
        self.drained: Callable[[], bool] = lambda: True
        self._store, self._clock, self._accounts = store, clock, accounts
        self._keys: dict[AccountId, list[PrivateKey]] = {}

    async def load(self, account: AccountId) -> None:
        """Read the seal keys of an account's device, and make one where there is none. Raises `StoreFull`."""
        self._keys[account] = [row for row in await self._store.keys(account) if row.kind == SEAL_KEY]
        await self.replenish(account)

    async def replenish(self, account: AccountId) -> None:
        """Replace a key that grew old, and forget those that were retired long ago, but not while something may be on
        its way to them. Raises `StoreFull`."""
        now, keys = int(self._clock.now()), {key.id: key for key in self._keys[account]}
        kept = KEEP_RETIRED if self.drained() else KEPT_UNDRAINED
        gone = tuple(key.id for key in keys.values() if key.retired_at and now - key.retired_at >= kept)
        current = [key for key in keys.values() if not key.retired_at]
        changed = [replace(key, retired_at=now) for key in current if not _is_fresh(key, now)]
        if len(changed) == len(current):
            changed.append(_mint(account, now))
        if changed or gone:
            await self._store.commit(Commit((PutKeys(tuple(changed)), DropKeys(account, gone))))
        keys.update({key.id: key for key in changed})
        left = [key for key in keys.values() if key.id not in gone]
        self._keys[account] = sorted(left, key=lambda key: (key.retired_at == 0, key.created_at), reverse=True)

    def public(self, account: AccountId) -> SealKey:
        """What depositors are given."""
        key = self._keys[account][0]
        return sign_seal_key(self._accounts.me(account).device, key.id, key.created_at, key.public)

    def newest(self, account: AccountId) -> int:
        """When the key was made that depositors are given, Unix seconds."""
        return self._keys[account][0].created_at

    def unseal(self, account: AccountId, envelope: bytes) -> bytes:
        """The packet in an envelope to an account's device. Raises `DecryptFailed`, `MalformedContent`."""
        return unseal(envelope, self._accounts.me(account).device.public, self._keys[account])


def _is_fresh(key: PrivateKey, now: int) -> bool:
    """Young enough to be given out; a key from the future was made while the clock was wrong."""
    return now - ROTATE_AFTER < key.created_at <= now + FUTURE


def _mint(account: AccountId, now: int) -> PrivateKey:
    secret = os.urandom(32)
    public = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    identifier = int.from_bytes(os.urandom(8), "big") >> 1 or 1
    return PrivateKey(account=account, id=identifier, kind=SEAL_KEY, secret=secret, public=public, created_at=now)
