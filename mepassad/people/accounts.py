"""The accounts of this node: made from 24 words, kept without them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mnemonic import Mnemonic

from mepassad.api.context import Clock
from mepassad.api.crypto import Crypto, DeviceKey
from mepassad.api.store import Commit, Store
from mepassad.api.types import Account, AccountId
from mepassad.api.writes import PutAccount, PutKeys, SetSetting, Write
from mepassad.errors import AccountExists, InvalidName, NoAccount, UnknownAccount, WrongWords
from mepassad.people.keyfiles import KeyFiles
from mepassad.wire.directory import Directory
from mepassad.wire.identity import KINDS, Devices, agree, sign_devices, verify_devices
from mepassad.wire.ids import account_id, account_key
from mepassad.wire.names import own_name

Beside = Callable[[Account, str], Sequence[Write]]
"""What is kept together with a new account and its 24 words."""

LANGUAGES = ("english", "portuguese")
_WORDS = 24
RESTORE_AHEAD = 43_200  # seconds; half of what a list may be dated ahead, for a clock that is behind the list before
_NUMBER, _REUNION, _RESTORED = (
    "directory/number",
    "directory/reunion",
    "directory/restored_at",
)  # settings of an account


def new_words(language: str = "english") -> str:
    """24 fresh BIP-39 words: 256 bits of entropy, which are the account's seed."""
    return str(Mnemonic(language).generate(256))


def seed_of(words: str) -> bytes:
    """The 32-byte seed of 24 BIP-39 words, English or Portuguese. Raises `WrongWords`."""
    typed = words.lower().split()
    for language in LANGUAGES:
        try:
            seed = bytes(Mnemonic(language).to_entropy(" ".join(typed)))
        except (ValueError, LookupError):
            continue
        if len(seed) == 32:
            return seed
    raise WrongWords(_what_is_wrong(typed))


def _what_is_wrong(typed: Sequence[str]) -> str:
    """Where to look, without a word of what was typed."""
    if len(typed) != _WORDS:
        return f"An account has {_WORDS} recovery words; these are {len(typed)}."
    unknown = min((_unknown(typed, language) for language in LANGUAGES), key=len)
    if unknown:
        where = ", ".join(map(str, unknown))
        return f"These are not the recovery words of an account: look at number {where}, no list has that word."
    return f"These {_WORDS} recovery words do not fit together: one of them is another word, or they are out of order."


def _unknown(typed: Sequence[str], language: str) -> list[int]:
    known = set(Mnemonic(language).wordlist)
    return [number for number, word in enumerate(typed, 1) if word not in known]


class Me(msgspec.Struct, frozen=True):
    """An account as this node acts for it: its row, public key, device key and verified device list.

    `directory` is under what it is found after a restore; `restored_at` (Unix seconds) is 0 where it was made here.
    """

    row: Account
    key: bytes
    device: DeviceKey
    devices: Devices
    directory: Directory | None = None
    restored_at: int = 0

    def __repr__(self) -> str:
        return f"Me({self.row.id})"


class Accounts:
    """All accounts of the node, in memory; device keys lie in files beside the store, 0600."""

    def __init__(self, store: Store, crypto: Crypto, clock: Clock, keys: KeyFiles) -> None:
        """`keys`: where device keys are kept."""
        self._store, self._crypto, self._clock, self._keys = store, crypto, clock, keys
        self._all: dict[AccountId, Me] = {}
        self._by_device: dict[bytes, Me] = {}
        self.added: Callable[[AccountId], Awaitable[None]]

    async def load(self) -> None:
        """Read all accounts and their keys. Raises `UnsafePath`, `StoreBroken`, `VaultBroken`."""
        for row in await self._store.accounts():
            private, secret, at = [await self._store.setting(row.id, name) for name in (_NUMBER, _REUNION, _RESTORED)]
            directory = Directory(private, secret) if private and secret else None
            self._take(row, DeviceKey(self._keys.read(_file(row.id))), directory, int(at or b"0"))

    def _take(self, row: Account, device: DeviceKey, directory: Directory | None, restored_at: int) -> Me:
        key = account_key(row.id)
        me = Me(row, key, device, verify_devices(row.device_list, key, None), directory, restored_at)
        self._all[row.id] = me
        self._by_device[device.public] = me
        return me

    async def create(self, name: str, kind: str, beside: Beside | None = None) -> tuple[Account, str]:
        """Make an account; returns it and its 24 words, which are kept nowhere. What `beside` gives for the account and
        its words is kept in the same commit. Raises `InvalidName`, `StoreFull`."""
        words = new_words()
        also = (lambda row: beside(row, words)) if beside else None
        return await self._make(seed_of(words), name, kind, restored_at=0, also=also), words

    async def restore(self, words: str, name: str, kind: str) -> Account:
        """Make this node a device of the account that 24 words stand for: a new device key, on a new device list.

        Raises `WrongWords`, `InvalidName`, `AccountExists`.
        """
        return await self._make(seed_of(words), name, kind, restored_at=int(self._clock.now()))

    async def _make(
        self,
        seed: bytes,
        name: str,
        kind: str,
        restored_at: int,
        also: Callable[[Account], Sequence[Write]] | None = None,
    ) -> Account:
        shown = own_name(name)
        if kind not in KINDS:
            raise InvalidName(f"A kind is one of {', '.join(KINDS)}.")
        owner = Ed25519PrivateKey.from_private_bytes(seed)
        public = owner.public_key().public_bytes_raw()
        account = account_id(public)
        if account in self._all:
            raise AccountExists
        device, now, directory = DeviceKey.generate(), int(self._clock.now()), Directory.of(seed)
        dated = now + RESTORE_AHEAD if restored_at else now
        signed = sign_devices(owner, [agree(device, public, shown, now)], 0, dated)
        row = Account(id=account, name=shown, kind=kind, device=device.public, device_list=signed, created_at=now)
        self._keep_key(account, device)
        keys = self._crypto.replenish(account, device, (), now).added
        settings = {_NUMBER: directory.private, _REUNION: directory.secret, _RESTORED: b"%d" % restored_at}
        kept = (SetSetting(account, key, value) for key, value in settings.items())
        await self._store.commit(Commit((PutAccount(row), PutKeys(keys), *kept, *(also(row) if also else ()))))
        self._take(row, device, directory, restored_at)
        await self.added(account)
        return row

    def _keep_key(self, account: AccountId, device: DeviceKey) -> None:
        # A key file left by a crash before the commit belongs to no account: nothing was signed with it.
        self._keys.path(_file(account)).unlink(missing_ok=True)
        self._keys.write(_file(account), device.seed())

    def all(self) -> Sequence[Account]:
        """Every account, oldest first."""
        return [me.row for me in self._all.values()]

    def resolve(self, account: str | None) -> Account:
        """The account a client means; None = the first. Raises `UnknownAccount`, `NoAccount`."""
        if account is None:
            if not self._all:
                raise NoAccount
            return next(iter(self._all.values())).row
        return self.me(AccountId(account)).row

    def me(self, account: AccountId) -> Me:
        """An account with its keys. Raises `UnknownAccount`."""
        try:
            return self._all[account]
        except KeyError:
            raise UnknownAccount from None

    def by_device(self, device: bytes) -> Me | None:
        """The account whose device on this node has this public key."""
        return self._by_device.get(device)


def _file(account: AccountId) -> str:
    return f"{account}.key"
