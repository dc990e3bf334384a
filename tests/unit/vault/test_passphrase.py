"""Passphrases: what is one, and where it is looked for, in which order."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mepassad.api.types import Secret
from mepassad.errors import (
    ConfigError,
    InvalidPassphrase,
    KeyringMissing,
    PassphraseMissing,
    UnsafePath,
    VaultBroken,
    WrongPassphrase,
)
from mepassad.vault import file, keyring, passphrase
from tests.unit.vault.place import KEY, RIGHT, Place, fake_keyring

# -- what is one


@pytest.mark.parametrize(
    "typed", [b"p\xc3\xa3o com queijo", b"pa\xcc\x83o com queijo\n", "ｐão com queijo\r\n".encode()]
)
def test_however_it_was_typed_it_is_the_same_passphrase(typed: bytes) -> None:
    assert passphrase.passphrase(typed) == "pão com queijo".encode()


def test_of_line_ends_one_is_taken_off_and_of_blanks_none() -> None:
    assert passphrase.passphrase(b" a b \n\n") == b" a b \n"
    assert passphrase.passphrase(b"") == b""


def test_a_passphrase_has_eight_characters_at_least_and_1024_bytes_at_most() -> None:
    assert passphrase.fit(passphrase.passphrase("çççççççç\n".encode()))
    for short in (b"", b"1234567", "ççççççç".encode(), b"1234567\n"):
        with pytest.raises(InvalidPassphrase):
            passphrase.fit(passphrase.passphrase(short))
    assert len(passphrase.passphrase(b"x" * 1024 + b"\n")) == 1024
    with pytest.raises(InvalidPassphrase):
        passphrase.passphrase(b"x" * 1025)


@given(st.binary(max_size=1100))
def test_any_bytes_are_a_passphrase_or_invalid_and_its_repr_shows_nothing(raw: bytes) -> None:
    with contextlib.suppress(InvalidPassphrase):
        found = passphrase.passphrase(raw)
        assert repr(found) == str(found) == f"Secret({len(found)} bytes)"


# -- where it is looked for


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setenv("LANGUAGE", "en")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    return Place(tmp_path, monkeypatch)


def test_the_credential_comes_first_then_the_file_then_the_keyring_then_the_terminal(place: Place) -> None:
    place.terminal(RIGHT)
    assert place.unlock() == KEY
    place.keyring(lambda service, user: RIGHT.decode())
    assert place.unlock() == KEY
    place.file(RIGHT + b"\n")
    place.keyring(lambda service, user: pytest.fail("was asked"))
    assert place.unlock() == KEY
    place.file(b"not this one")
    place.credential(RIGHT)
    assert place.unlock() == KEY
    assert place.asked == ["Passphrase"]


def test_the_name_of_the_credential_is_a_key_of_the_configuration(place: Place) -> None:
    place.credential(RIGHT, "other-name")
    with pytest.raises(PassphraseMissing):
        place.unlock()
    place.set(credential="other-name")
    assert place.unlock() == KEY


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "..", "a b", "x" * 256, "a\nb"])
def test_a_credential_has_the_name_of_a_file(place: Place, name: str) -> None:
    place.set(credential=f'"{name}"')
    with pytest.raises(ConfigError):
        place.config()


@pytest.mark.parametrize(("memory", "right"), [("63", False), ("64", True), ("1024", True), ("1025", False)])
def test_the_memory_of_a_guess_is_within_its_bounds(place: Place, memory: str, right: bool) -> None:
    place.set(memory_mb=memory)
    if right:
        assert place.config().keys.memory_mb == int(memory) <= file.MAX_MEMORY
        return
    with pytest.raises(ConfigError):
        place.config()


def test_without_any_the_error_names_the_three_ways(place: Place) -> None:
    with pytest.raises(PassphraseMissing) as refused:
        place.unlock()
    for word in ("systemd credential mepassad.passphrase", "file 0600", "terminal"):
        assert word in refused.value.sentence


@pytest.mark.parametrize("where", ["credential", "file", "keyring"])
def test_a_wrong_one_is_an_error_that_names_the_place_and_asks_no_further(place: Place, where: str) -> None:
    place.terminal(RIGHT)
    if where == "keyring":
        place.keyring(lambda service, user: "wrong passphrase")
    else:
        getattr(place, where)(b"wrong passphrase")
    with pytest.raises(WrongPassphrase) as refused:
        place.unlock()
    assert {"credential": "credential", "file": "/passphrase", "keyring": "keyring"}[where] in refused.value.sentence
    assert "wrong passphrase" not in refused.value.sentence
    assert place.asked == []


@pytest.mark.parametrize("content", [b"\xff\xfe\xff", b"x" * 2000])
def test_what_is_no_passphrase_is_refused_wherever_it_is(place: Place, content: bytes) -> None:
    place.file(content)
    with pytest.raises(InvalidPassphrase):
        place.unlock()
    place.credential(content)
    with pytest.raises(InvalidPassphrase):
        place.unlock()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(place: Place, mode: int) -> None:
    place.file(RIGHT, mode)
    with pytest.raises(UnsafePath, match="chmod 600"):
        place.unlock()


def test_a_file_that_is_not_there_is_told_as_missing(place: Place) -> None:
    place.file(RIGHT).unlink()
    with pytest.raises(PassphraseMissing, match=r"/passphrase, cannot be read"):
        place.unlock()
    place.credential(RIGHT)
    (place.folder / "credentials" / "mepassad.passphrase").unlink()
    (place.folder / "credentials" / "mepassad.passphrase").mkdir()
    with pytest.raises(PassphraseMissing, match="cannot be read: Is a directory"):
        place.unlock()


# -- at a terminal


def test_at_a_terminal_there_are_three_tries(place: Place) -> None:
    place.terminal(b"first try", b"second\xff try", RIGHT)
    assert place.unlock() == KEY
    assert place.asked == ["Passphrase", "That is not it."] * 2 + ["Passphrase"]
    place.terminal(b"one try", b"two tries", b"three tries", RIGHT)
    with pytest.raises(WrongPassphrase):
        place.unlock()


def test_a_new_one_is_typed_twice(place: Place) -> None:
    place.terminal(b"a new passphrase", b"a new passphrase")
    assert passphrase.ask_new() == b"a new passphrase"
    place.terminal(b"a new passphrase", b"a new passphrasE")
    with pytest.raises(InvalidPassphrase, match="not the same"):
        passphrase.ask_new()
    place.terminal(b"short")
    with pytest.raises(InvalidPassphrase, match="8 characters"):
        passphrase.ask_new()


def test_without_a_terminal_a_new_one_must_be_in_a_file(place: Place) -> None:
    with pytest.raises(PassphraseMissing, match="--from-file"):
        passphrase.ask_new()


def test_an_end_of_the_input_is_an_interruption(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.terminal()

    def end(*_: object, **__: object) -> str:
        raise click.Abort

    monkeypatch.setattr("click.prompt", end)
    with pytest.raises(click.Abort):
        place.unlock()


# -- the keyring


def test_a_keyring_is_asked_for_this_folder_and_where_it_has_nothing_the_next_place_is(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[tuple[str, str]] = []
    place.keyring(lambda service, user: seen.append((service, user)))
    with pytest.raises(PassphraseMissing):
        place.unlock()
    assert seen == [("mepassad", str(place.config().node.data_dir))]
    assert "has no passphrase for this folder" in caplog.text
    place.terminal(RIGHT)
    assert place.unlock() == KEY


def test_where_there_is_no_keyring_that_is_said_and_the_next_place_asked(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(service: str, user: str) -> str | None:
        raise RuntimeError("no D-Bus\nhere")

    place.keyring(broken)
    place.terminal(RIGHT, RIGHT)
    assert place.unlock() == KEY
    assert "The keyring of the operating system cannot be used: no D-Bus here" in caplog.text
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert place.unlock() == KEY
    assert "pip install mepassad[keyring]" in caplog.text


def test_what_a_keyring_keeps_is_looked_at_and_forgotten_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[tuple[str, str], str] = {}
    module = fake_keyring(
        get_password=lambda service, user: kept.get((service, user)),
        set_password=lambda service, user, word: kept.update({(service, user): word}),
        delete_password=lambda service, user: kept.pop((service, user)),
    )
    monkeypatch.setitem(sys.modules, "keyring", module)
    keyring.keep(place.folder, Secret("são três".encode()))
    assert kept == {("mepassad", str(place.folder)): "são três"}
    assert keyring.read(place.folder) == "são três".encode()
    keyring.drop(place.folder)
    keyring.drop(place.folder)
    assert not kept
    vars(module)["set_password"] = lambda service, user, word: None
    with pytest.raises(KeyringMissing, match="does not give back"):
        keyring.keep(place.folder, Secret(b"word"))


def test_a_broken_vault_is_told_before_anything_is_asked(place: Place) -> None:
    place.terminal(RIGHT)
    with pytest.raises(VaultBroken):
        passphrase.unlock(file.parse(b"junk"), place.config())
    assert place.asked == []
