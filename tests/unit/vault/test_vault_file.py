"""The vault file: its bytes, its bounds, and what becomes of junk."""

from __future__ import annotations

import hashlib
import re
import struct

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given
from hypothesis import strategies as st

from mepassad.api.types import Secret
from mepassad.errors import VaultBroken, VaultMemory, WrongPassphrase
from mepassad.vault import file
from mepassad.vault.file import Cost, parse, unwrap, wrap

CHEAP = Cost(memory=8, passes=1, lanes=1)
PASSPHRASE, KEY = Secret("são três palavras".encode()), Secret(bytes(range(32)))


@pytest.fixture(scope="module")
def whole() -> bytes:
    return wrap(KEY, PASSPHRASE, CHEAP)


def summed(body: bytes) -> bytes:
    """A body with the checksum that a forger would put behind it."""
    return body + hashlib.sha256(body).digest()


def test_the_passphrase_gives_the_data_key_back_and_no_other_does(whole: bytes) -> None:
    assert unwrap(parse(whole), PASSPHRASE) == KEY
    for wrong in (b"", PASSPHRASE[:-1], PASSPHRASE + b" ", PASSPHRASE.upper()):
        with pytest.raises(WrongPassphrase):
            unwrap(parse(whole), Secret(wrong))


def test_the_bytes_are_those_of_the_document(whole: bytes) -> None:
    label, version, memory, passes, lanes = struct.unpack(">15sBIII", whole[:28])
    assert (label, version, memory, passes, lanes) == (b"mepassa/1 vault", 1, 8, 1, 1)
    salt, nonce, sealed, checksum = whole[28:44], whole[44:56], whole[56:104], whole[104:]
    assert checksum == hashlib.sha256(whole[:104]).digest()
    kdf = Argon2id(salt=salt, length=32, iterations=1, lanes=1, memory_cost=8 * 1024)
    assert AESGCMSIV(kdf.derive(bytes(PASSPHRASE))).decrypt(nonce, sealed, whole[:44]) == KEY
    assert len(whole) == file.SIZE == 136


def test_a_key_is_wrapped_differently_each_time_and_the_cost_is_kept(whole: bytes) -> None:
    again = wrap(KEY, PASSPHRASE, Cost(memory=9, passes=2, lanes=3))
    assert parse(again).cost == Cost(memory=9, passes=2, lanes=3)
    assert not {again[at : at + 8] for at in range(28, 128)} & {whole[at : at + 8] for at in range(28, 128)}


def test_without_further_words_a_guess_costs_256_mib() -> None:
    assert Cost() == Cost(memory=256, passes=3, lanes=4)


def test_junk_at_any_byte_is_one_named_error(whole: bytes) -> None:
    for at in range(len(whole)):
        for bits in (0x01, 0x80, 0xFF):
            with pytest.raises(VaultBroken, match="damaged, or was written by a newer mepassad"):
                parse(whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1 :])
        with pytest.raises(VaultBroken, match="damaged"):
            parse(whole[:at])
    with pytest.raises(VaultBroken, match="damaged"):
        parse(whole + b"\0")


@given(st.binary(max_size=200))
def test_any_bytes_are_no_vault(data: bytes) -> None:
    with pytest.raises(VaultBroken):
        parse(data)
    with pytest.raises(VaultBroken):
        parse(summed(data))


def forged(whole: bytes, at: int, what: bytes) -> bytes:
    """The file with other bytes and a right checksum."""
    return summed(whole[:at] + what + whole[at + len(what) : 104])


@pytest.mark.parametrize(
    ("at", "least", "most"), [(16, file.MIN_MEMORY, file.MAX_MEMORY), (20, 1, file.MAX_PASSES), (24, 1, file.MAX_LANES)]
)
def test_a_file_may_not_ask_for_more_than_the_bounds(whole: bytes, at: int, least: int, most: int) -> None:
    for number in (least, most):
        parse(forged(whole, at, number.to_bytes(4, "big")))
    for number in (0, least - 1, most + 1, 2**32 - 1):
        with pytest.raises(VaultBroken, match="does not do"):
            parse(forged(whole, at, number.to_bytes(4, "big")))


@pytest.mark.parametrize(("at", "what"), [(0, b"mepassa/2"), (15, b"\x00"), (15, b"\x02")])
def test_another_label_or_version_is_refused(whole: bytes, at: int, what: bytes) -> None:
    with pytest.raises(VaultBroken, match="does not do"):
        parse(forged(whole, at, what))


@pytest.mark.parametrize("at", [*range(16, 28, 4), *range(28, 104, 9)])
def test_what_a_forger_changes_opens_nothing(whole: bytes, at: int) -> None:
    changed = forged(whole, at + (3 if at < 28 else 0), bytes([whole[at + (3 if at < 28 else 0)] ^ 2]))
    try:
        wrapped = parse(changed)
    except VaultBroken:
        return
    with pytest.raises(WrongPassphrase):
        unwrap(wrapped, PASSPHRASE)


def test_too_little_memory_is_said_with_what_is_needed(whole: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    class Greedy:
        def __init__(self, **_: object) -> None:
            pass

        def derive(self, _: bytes) -> bytes:
            raise MemoryError("no room")

    monkeypatch.setattr(file, "Argon2id", Greedy)
    with pytest.raises(VaultMemory, match="8 MiB"):
        unwrap(parse(whole), PASSPHRASE)


def test_no_repr_and_no_error_shows_a_secret(whole: bytes) -> None:
    shown = repr(unwrap(parse(whole), PASSPHRASE)) + repr(PASSPHRASE)
    with pytest.raises(WrongPassphrase) as refused:
        unwrap(parse(whole), Secret(b"guessed wrongly"))
    shown += repr(refused.value) + str(refused.value.data)
    assert not re.search("palavras|guessed|0001|x01", shown)
