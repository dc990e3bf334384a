"""Which columns of the store are secret, and how a row is sealed and opened. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from mepassad.api import writes
from mepassad.api.types import Contact, Invite, PrivateKey, Session
from mepassad.errors import VaultBroken
from mepassad.vault.vault import DIRECTORY, INVITE, LINK, PLACES, PREKEY, SESSION, SETTING, SKIPPED, Vault, place
from mepassad.wire.ids import b64, unb64

MARKER = "vault/sealed"
"""The setting of the node that says that all secret columns are sealed, and, being sealed itself, by which vault."""

SECRET_SETTINGS = (MARKER, "number/", "invite/standing", "directory/")
"""Beginnings of the names of settings that hold secrets."""

Turn = Callable[[bytes, bytes, bytes], bytes]
"""`Vault.seal` or `Vault.open`: what it does with a use, a place and a value."""


def session(turn: Turn, row: Session) -> Session:
    """A session with its state turned."""
    return replace(row, state=turn(SESSION, place(row.account, row.id), row.state))


def skipped(turn: Turn, account: str, session: bytes, reference: bytes, key: bytes) -> bytes:
    """A skipped message key, turned."""
    return turn(SKIPPED, place(account, session, reference), key)


def prekey(turn: Turn, row: PrivateKey) -> PrivateKey:
    """A private prekey with its secret turned."""
    return replace(row, secret=turn(PREKEY, place(row.account, str(row.id)), row.secret))


def invite(turn: Turn, row: Invite) -> Invite:
    """An invite with its secret turned."""
    return replace(row, secret=turn(INVITE, place(row.account, row.number), row.secret))


def is_secret(key: str) -> bool:
    """Whether the setting of this name holds a secret."""
    return key.startswith(SECRET_SETTINGS)


def setting(turn: Turn, account: str, key: str, value: bytes) -> bytes:
    """A setting's value, turned where it is secret."""
    return turn(SETTING, place(account, key), value) if is_secret(key) else value


def sealed_contact(vault: Vault, row: Contact) -> Contact:
    """A contact with the accepted link, the directory's number and key, and the places sealed; what is empty stays
    empty."""
    where = place(row.account, row.id)
    link = b64(vault.seal(LINK, where, row.invite.encode())) if row.invite else ""
    directory = vault.seal(DIRECTORY, where, row.directory) if row.directory else b""
    places = vault.seal(PLACES, where, row.places) if row.places else b""
    return replace(row, invite=link, directory=directory, places=places)


def opened_contact(vault: Vault, row: Contact) -> Contact:
    """A contact as it was before `sealed_contact`."""
    where = place(row.account, row.id)
    try:
        link = vault.open(LINK, where, unb64(row.invite)).decode() if row.invite else ""
    except ValueError:  # not base64
        raise VaultBroken from None
    directory = vault.open(DIRECTORY, where, row.directory) if row.directory else b""
    places = vault.open(PLACES, where, row.places) if row.places else b""
    return replace(row, invite=link, directory=directory, places=places)


def _skipped(vault: Vault, write: writes.AddSkipped) -> writes.AddSkipped:
    keys = [(one, skipped(vault.seal, write.account, write.session, one, key)) for one, key in write.keys]
    return replace(write, keys=tuple(keys))


def _setting(vault: Vault, write: writes.SetSetting) -> writes.SetSetting:
    if write.value is None:
        return write
    return replace(write, value=setting(vault.seal, write.account, write.key, write.value))


_SEAL: dict[type[writes.Write], Callable[[Vault, Any], writes.Write]] = {
    writes.PutSession: lambda vault, write: writes.PutSession(session(vault.seal, write.row)),
    writes.AddSkipped: _skipped,
    writes.PutKeys: lambda vault, write: writes.PutKeys(tuple(prekey(vault.seal, row) for row in write.rows)),
    writes.PutInvite: lambda vault, write: writes.PutInvite(invite(vault.seal, write.row)),
    writes.PutContact: lambda vault, write: writes.PutContact(sealed_contact(vault, write.row)),
    writes.SetSetting: _setting,
}


def sealed(vault: Vault, write: writes.Write) -> writes.Write:
    """A write with its secrets sealed."""
    seal = _SEAL.get(type(write))
    return write if seal is None else seal(vault, write)
