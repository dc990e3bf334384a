"""What the vectors are drawn from: a stream that is always the same, and what is kept as long as it opens."""

from __future__ import annotations

import hashlib
from importlib import import_module
from pathlib import Path

import pytest
from published import FOLDER

from mepassad.builtin.crypto_signal.keys import kem_decapsulate
from mepassad.errors import DecryptFailed
from mepassad.testing.vectors.drawn import Drawn, draw
from mepassad.testing.vectors.files import files

SEED = bytes(range(64))


def test_the_stream_is_as_the_readme_says() -> None:
    blocks = [hashlib.sha256(b"mepassa vectors Ana, device\0" + bytes([0, 0, 0, block])).digest() for block in (0, 1)]
    assert draw("Ana, device", 40) == b"".join(blocks)[:40]


def test_an_encapsulation_is_kept_while_it_gives_its_secret_and_else_drawn_anew() -> None:
    first = Drawn({})
    secret, ciphertext = first.kem("one", SEED)
    assert first.kem("one", SEED) == Drawn(first.used).kem("one", SEED) == (secret, ciphertext)
    altered = {"one": first.used["one"] | {"shared_secret": bytes(32).hex()}}
    again = Drawn(altered).kem("one", SEED)
    assert again[1] != ciphertext
    assert kem_decapsulate(SEED, again[1]) == again[0]


def test_an_envelope_is_kept_while_it_opens_to_what_it_should() -> None:
    def unseal(envelope: bytes) -> bytes:
        if not envelope.startswith(b"sealed "):
            raise DecryptFailed
        return envelope.removeprefix(b"sealed ")

    for kept, expected in (
        (b"sealed it", b"sealed it"),
        (b"sealed that", b"drawn"),
        (b"junk", b"drawn"),
        (b"", b"drawn"),
    ):
        drawn = Drawn({"one": {"envelope": kept.hex()}})
        assert drawn.envelope("one", b"it", lambda: b"drawn", unseal) == expected
        assert drawn.used == {"one": {"envelope": expected.hex()}}


def test_all_can_be_drawn_anew_and_only_what_depends_on_it_changes() -> None:
    anew, published = files(renew=True), {path: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    changed = {path.stem for path in published if anew[path] != published[path]}
    assert changed == {"drawn", "handshake", "ratchet", "seal"}


def test_the_command_names_what_is_stale_and_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = import_module("mepassad.testing.vectors.__main__")
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "files", lambda renew: {tmp_path / "one.json": "1", tmp_path / "two.json": "2"})
    for name in ("one", "two", "of nothing"):
        (tmp_path / f"{name}.json").write_text("1")
    monkeypatch.setattr("sys.argv", ["vectors", "--check"])
    with pytest.raises(SystemExit, match=r"make gen.*: two\.json, of nothing\.json"):
        command.main()
    monkeypatch.setattr("sys.argv", ["vectors"])
    command.main()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"one.json": "1", "two.json": "2"}
    monkeypatch.setattr("sys.argv", ["vectors", "--check"])
    command.main()
