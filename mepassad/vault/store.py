"""A store whose secret columns are sealed, whatever plugin keeps it; and the sealing of one that is not yet."""

# ruff: noqa: D102 - the methods are documented where they are promised, in mepassad.api.store

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, cast

from msgspec.structs import replace

from mepassad.api.store import Commit, Committed, Store
from mepassad.api.types import AccountId, Contact, Invite, PrivateKey, Session
from mepassad.api.writes import (
    AddSkipped,
    DropSkipped,
    PutContact,
    PutInvite,
    PutKeys,
    PutSession,
    SetSetting,
    Write,
)
from mepassad.vault import columns
from mepassad.vault.columns import MARKER
from mepassad.vault.vault import Vault


class SealedStore:
    """Implements `mepassad.api.store.Store` on another store; what holds no secret is that store's own method.

    Everything that reads secrets also raises `VaultBroken`.
    """

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, commit: Commit) -> Awaitable[Committed]:
        return self._store.commit(Commit(tuple([columns.sealed(self._vault, write) for write in commit.writes])))

    async def contacts(self, account: AccountId) -> Sequence[Contact]:
        return [columns.opened_contact(self._vault, row) for row in await self._store.contacts(account)]

    async def sessions(self, account: AccountId) -> Sequence[Session]:
        return [columns.session(self._vault.open, row) for row in await self._store.sessions(account)]

    async def skipped(self, account: AccountId, session: bytes) -> dict[bytes, bytes]:
        found = await self._store.skipped(account, session)
        return {one: columns.skipped(self._vault.open, account, session, one, key) for one, key in found.items()}

    async def keys(self, account: AccountId) -> Sequence[PrivateKey]:
        return [columns.prekey(self._vault.open, row) for row in await self._store.keys(account)]

    async def invite(self, account: AccountId, number: bytes) -> Invite | None:
        found = await self._store.invite(account, number)
        return found and columns.invite(self._vault.open, found)

    async def invites(self) -> Sequence[Invite]:
        return [columns.invite(self._vault.open, row) for row in await self._store.invites()]

    async def setting(self, account: str, key: str) -> bytes | None:
        found = await self._store.setting(account, key)
        return None if found is None else columns.setting(self._vault.open, account, key, found)

    async def settings(self, account: str) -> dict[str, bytes]:
        found = await self._store.settings(account)
        return {key: columns.setting(self._vault.open, account, key, value) for key, value in found.items()}


def sealed_store(store: Store, vault: Vault) -> Store:
    """The store through the vault."""
    return cast("Store", SealedStore(store, vault))  # the rest comes through __getattr__; a test compares


async def seal_rows(store: Store, vault: Vault) -> None:
    """Seal all secrets of a store that has none sealed, in one commit with the marker. Raises `StoreFull`."""
    marker = SetSetting("", MARKER, b"")
    await sealed_store(store, vault).commit(Commit((*await _rewrites(store), marker)))


async def open_rows(store: Store, vault: Vault) -> None:
    """Take the seals off again, in one commit. Raises `StoreFull`, `VaultBroken`."""
    through = sealed_store(store, vault)
    await store.commit(Commit((*await _rewrites(through), SetSetting("", MARKER, None))))


async def _rewrites(store: Store) -> list[Write]:
    """The writes that keep every secret anew as this store shows it."""
    found: list[Write] = []
    accounts = [row.id for row in await store.accounts()]
    for account in accounts:
        for session in await store.sessions(account):
            found.append(PutSession(replace(session, version=session.version + 1)))
            if keys := await store.skipped(account, session.id):  # dropped first, so that they keep their order
                found.append(DropSkipped(account, session.id, tuple(keys)))
                found.append(AddSkipped(account, session.id, tuple(keys.items())))
        found.append(PutKeys(tuple(await store.keys(account))))
        found += [PutContact(row) for row in await store.contacts(account) if row.invite or row.directory or row.places]
    found += [PutInvite(row) for row in await store.invites()]
    for owner in ("", *accounts):
        settings = await store.settings(owner)
        found += [SetSetting(owner, key, value) for key, value in settings.items() if columns.is_secret(key)]
    return found
