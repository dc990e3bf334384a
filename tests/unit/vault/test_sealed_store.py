"""The secret columns of a store: which they are, that nothing of them is in plain, and that none passes for another."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from msgspec.structs import replace

from mepassad.api.store import Commit, Store
from mepassad.api.types import Contact, Invite, PrivateKey, Secret, Session
from mepassad.api.writes import AddSkipped, DropSkipped, PutContact, PutInvite, PutKeys, PutSession, SetSetting, Write
from mepassad.builtin.store_sqlite.store import SqliteStore, open_store
from mepassad.errors import VaultBroken
from mepassad.testing.store_rows import ANA, EVA, RUI, conversation_with
from mepassad.vault import columns
from mepassad.vault.store import SealedStore, open_rows, seal_rows, sealed_store
from mepassad.vault.vault import Vault
from tests.unit.vault.filled import SECRET, everything, fill, shown

VAULT = Vault(Secret(bytes(32)))


@pytest.fixture
async def raw(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """The store as its plugin keeps it."""
    async with open_store(tmp_path / "node.db", cache_mb=4, queue_limit=100, backups_made_before=0) as store:
        yield store


@pytest.fixture
def store(raw: SqliteStore) -> Store:
    """The same store through the vault."""
    return sealed_store(raw, VAULT)


async def keep(store: Store, *writes: Write) -> None:
    await store.commit(Commit(writes))


def bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def test_what_is_kept_through_the_vault_is_read_through_it_and_in_no_file(
    raw: SqliteStore, store: Store, tmp_path: Path
) -> None:
    await fill(store)
    seen = await everything(store)
    assert shown(seen).count(SECRET.decode()) == 2 * (1 + 1 + 1 + 1 + 40 + 9 + 4 + 1 + 3)
    assert SECRET.decode() not in shown(await everything(raw))
    assert b"a text that stays as it is" in bytes_in(tmp_path)
    assert SECRET not in bytes_in(tmp_path)


def test_every_read_that_can_tell_a_secret_goes_through_the_vault() -> None:
    secret = {Session, PrivateKey, Invite, Contact}
    by_kind = {
        name
        for name, method in inspect.getmembers(Store, inspect.isfunction)
        if secret & _mentioned(get_type_hints(method, vars(inspect.getmodule(Store))).get("return"))
    }
    assert by_kind == {"sessions", "keys", "invite", "invites", "contacts"}
    own = {name for name in vars(SealedStore) if not name.startswith("_")}
    assert own == by_kind | {"commit", "skipped", "setting", "settings"}


def _mentioned(hint: Any) -> set[Any]:
    inner = getattr(hint, "__args__", ())
    return {hint} if not inner else set().union(*(_mentioned(one) for one in inner))


@pytest.mark.parametrize("key", ["number/00", "invite/standing", "directory/x", "vault/sealed"])
async def test_secret_settings_are_those_of_the_list(raw: SqliteStore, store: Store, key: str) -> None:
    await keep(store, SetSetting(ANA, key, SECRET), SetSetting(ANA, f"my {key}", SECRET))
    assert await store.setting(ANA, key) == SECRET
    assert SECRET not in (await raw.setting(ANA, key) or SECRET)
    assert await raw.setting(ANA, f"my {key}") == SECRET
    await keep(store, SetSetting(ANA, key, None))
    assert await store.setting(ANA, key) is None


async def test_rows_are_sealed_at_once_and_opened_again_with_nothing_changed(
    raw: SqliteStore, store: Store, tmp_path: Path
) -> None:
    await fill(raw)
    before, page = await everything(raw), await raw.messages(ANA, conversation_with(RUI), 9, None)
    await seal_rows(raw, VAULT)
    assert await everything(store) == before
    assert await store.setting("", columns.MARKER) == b""
    assert await raw.messages(ANA, conversation_with(RUI), 9, None) == page
    assert SECRET.decode() not in shown(await everything(raw))
    await open_rows(raw, VAULT)
    assert await everything(raw) == before
    assert await raw.setting("", columns.MARKER) is None


async def test_nothing_of_the_plain_rows_is_left_in_the_file_once_the_store_was_closed(tmp_path: Path) -> None:
    async with open_store(tmp_path / "node.db", cache_mb=4, queue_limit=100, backups_made_before=0) as raw:
        await fill(raw)
    assert SECRET in bytes_in(tmp_path)
    async with open_store(tmp_path / "node.db", cache_mb=4, queue_limit=100, backups_made_before=0) as raw:
        await seal_rows(raw, VAULT)
    assert SECRET not in bytes_in(tmp_path)


async def test_skipped_keys_are_dropped_before_they_are_kept_sealed(
    raw: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no store keeps the plain ones because it knows their references already."""
    await fill(raw)
    committed: list[Write] = []
    commit = raw.commit
    monkeypatch.setattr(raw, "commit", lambda one: committed.extend(one.writes) or commit(one))
    await seal_rows(raw, VAULT)
    known = {one for one in await raw.skipped(ANA, b"session")}
    for write, before in zip(committed[1:], committed, strict=False):
        if isinstance(write, AddSkipped):
            assert isinstance(before, DropSkipped)
            assert set(before.references) == known


async def test_a_session_goes_on_after_it_was_sealed(raw: SqliteStore, store: Store) -> None:
    await fill(raw)
    await seal_rows(raw, VAULT)
    row = (await store.sessions(ANA))[0]
    await keep(store, PutSession(replace(row, state=b"next", version=row.version + 1)))
    assert (await store.sessions(ANA))[0].state == b"next"


async def _swap_sessions(raw: SqliteStore) -> None:
    one, two = await raw.sessions(ANA)
    await keep(raw, PutSession(replace(one, state=two.state, version=one.version + 1)))


async def _swap_skipped(raw: SqliteStore) -> None:
    found = await raw.skipped(ANA, b"session")
    first, second = list(found)[:2]
    await keep(raw, DropSkipped(ANA, b"session", (first,)), AddSkipped(ANA, b"session", ((first, found[second]),)))


async def _swap_keys(raw: SqliteStore) -> None:
    one, two, *_ = await raw.keys(ANA)
    await keep(raw, PutKeys((replace(one, secret=two.secret),)))


async def _swap_invites(raw: SqliteStore) -> None:
    one, two = await raw.invites()
    await keep(raw, PutInvite(replace(one, secret=two.secret)))


async def _swap_links(raw: SqliteStore) -> None:
    own, other = (await raw.contacts(ANA))[0], (await raw.contacts(RUI))[0]
    await keep(raw, PutContact(replace(own, invite=other.invite)))


async def _swap_directories(raw: SqliteStore) -> None:
    own, other = (await raw.contacts(ANA))[0], (await raw.contacts(RUI))[0]
    await keep(raw, PutContact(replace(own, directory=other.directory)))


async def _swap_places(raw: SqliteStore) -> None:
    own, other = (await raw.contacts(ANA))[0], (await raw.contacts(RUI))[0]
    await keep(raw, PutContact(replace(own, places=other.places)))


async def _link_for_directory(raw: SqliteStore) -> None:
    row = (await raw.contacts(ANA))[0]
    await keep(raw, PutContact(replace(row, invite="é no base64")))


async def _swap_settings(raw: SqliteStore) -> None:
    await keep(raw, SetSetting(ANA, "invite/standing", await raw.setting(RUI, "invite/standing")))


async def _plain_value(raw: SqliteStore) -> None:
    (row, *_) = await raw.keys(ANA)
    await keep(raw, PutKeys((replace(row, secret=b"a key of the thief, 32 bytes long"),)))


@pytest.mark.parametrize(
    "forge",
    [
        _swap_sessions, _swap_skipped, _swap_keys, _swap_invites, _swap_links, _swap_directories, _swap_places,
        _link_for_directory, _swap_settings, _plain_value,
    ],
)  # fmt: skip
async def test_a_value_moved_to_another_row_or_put_in_plain_is_broken(
    raw: SqliteStore, store: Store, forge: Any
) -> None:
    await fill(store)
    await everything(store)
    await forge(raw)
    with pytest.raises(VaultBroken):
        await everything(store)


async def test_another_vault_opens_nothing(raw: SqliteStore, store: Store) -> None:
    await fill(store)
    other = sealed_store(raw, Vault(Secret(b"x" * 32)))
    reads = (other.contacts(ANA), other.sessions(ANA), other.keys(ANA), other.invites(), other.settings(ANA))
    for read in (*reads, other.skipped(ANA, b"session"), other.invite(ANA, b"number")):
        with pytest.raises(VaultBroken):
            await read
    assert await other.invite(EVA, b"none") is None
