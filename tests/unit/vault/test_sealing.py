"""Sealed values: bound to their use and place, and junk opens nothing."""

from __future__ import annotations

import itertools
import os

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from mepassad.api.types import Secret
from mepassad.errors import VaultBroken
from mepassad.vault.vault import OVERHEAD, SESSION, SETTING, USES, Vault, place

DATA_KEY = Secret(bytes(range(32)))
VAULT = Vault(DATA_KEY)
WHERE = place("mp1ana", b"session")

PARTS = st.lists(st.one_of(st.text(max_size=4), st.binary(max_size=4)), max_size=4)


@given(st.binary(max_size=2000))
def test_what_was_sealed_is_opened_at_its_place(secret: bytes) -> None:
    for use in USES:
        sealed = VAULT.seal(use, WHERE, secret)
        assert VAULT.open(use, WHERE, sealed) == secret
        assert len(sealed) == len(secret) + OVERHEAD


def test_the_bytes_are_those_of_the_document() -> None:
    sealed = VAULT.seal(SESSION, WHERE, b"state")
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=bytes(32), info=b"mepassa/1 at rest: session")
    assert sealed[0] == 1
    assert WHERE == b"\0\0\0\x06mp1ana\0\0\0\x07session"
    assert AESGCMSIV(kdf.derive(DATA_KEY)).decrypt(sealed[1:13], sealed[13:], WHERE) == b"state"


def test_two_seals_of_one_secret_have_nothing_in_common() -> None:
    one, two = (VAULT.seal(SESSION, WHERE, b"s" * 64) for _ in range(2))
    assert not {one[at : at + 4] for at in range(1, 80)} & {two[at : at + 4] for at in range(1, 80)}


def test_a_value_opens_for_no_other_use_place_or_vault() -> None:
    sealed = VAULT.seal(SESSION, WHERE, b"state")
    for use in set(USES) - {SESSION}:
        with pytest.raises(VaultBroken):
            VAULT.open(use, WHERE, sealed)
    for where in (b"", place("mp1ana"), place("mp1eva", b"session"), place("mp1ana", b"session", b"")):
        with pytest.raises(VaultBroken):
            VAULT.open(SESSION, where, sealed)
    with pytest.raises(VaultBroken):
        Vault(Secret(os.urandom(32))).open(SESSION, WHERE, sealed)


def test_a_change_at_any_byte_and_any_cut_is_noticed() -> None:
    sealed = VAULT.seal(SETTING, WHERE, b"secret")
    for at in range(len(sealed)):
        with pytest.raises(VaultBroken):
            VAULT.open(SETTING, WHERE, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
        with pytest.raises(VaultBroken):
            VAULT.open(SETTING, WHERE, sealed[:at])


@given(st.binary(max_size=100))
def test_junk_is_broken(junk: bytes) -> None:
    for one in (junk, b"\x01" + junk):
        with pytest.raises(VaultBroken):
            VAULT.open(SETTING, WHERE, one)


@given(PARTS, PARTS)
def test_two_places_never_look_the_same(one: list[str | bytes], other: list[str | bytes]) -> None:
    def raw(parts: list[str | bytes]) -> list[bytes]:
        return [part.encode() if isinstance(part, str) else part for part in parts]

    assert (place(*one) == place(*other)) == (raw(one) == raw(other))


def test_a_vault_shows_nothing_and_its_keys_differ_by_use() -> None:
    assert repr(VAULT) == str(VAULT) == "Vault()"
    for one, other in itertools.permutations(USES, 2):
        assert not other.startswith(one)
