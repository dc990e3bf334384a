"""Where a test puts passphrases, and what the node then finds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from mepassad.api.types import Secret
from mepassad.config.load import load
from mepassad.config.model import Config
from mepassad.plugins import discover
from mepassad.vault import file, passphrase
from mepassad.vault.file import Cost, wrap

RIGHT, KEY = b"right passphrase", Secret(b"k" * 32)
WRAPPED = file.parse(wrap(KEY, Secret(RIGHT), Cost(memory=8, passes=1, lanes=1)))


class Place:
    """Where a test puts passphrases, and what the node then finds."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._monkeypatch = folder, monkeypatch
        self.asked: list[str] = []
        self._settings: dict[str, str] = {"HOME": str(folder)}

    def credential(self, content: bytes, name: str = "mepassad.passphrase") -> None:
        (self.folder / "credentials").mkdir(exist_ok=True)
        (self.folder / "credentials" / name).write_bytes(content)
        self._monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(self.folder / "credentials"))

    def file(self, content: bytes, mode: int = 0o600) -> Path:
        path = self.folder / "passphrase"
        path.write_bytes(content)
        path.chmod(mode)
        self.set(passphrase_file=str(path))
        return path

    def keyring(self, get: Callable[[str, str], str | None]) -> None:
        self._monkeypatch.setitem(sys.modules, "keyring", fake_keyring(get_password=get))
        self.set(keyring="true")

    def terminal(self, *typed: bytes) -> None:
        answers = iter(typed)
        for stream in ("stdin", "stderr"):
            self._monkeypatch.setattr(f"sys.{stream}", SimpleNamespace(isatty=lambda: True, write=self.asked.append))
        self._monkeypatch.setattr("click.echo", lambda text, err: self.asked.append(text))

        def prompt(what: str, **how: bool) -> str:
            assert how == {"hide_input": True, "err": True}
            self.asked.append(what)
            return next(answers).decode("utf-8", "surrogateescape")

        self._monkeypatch.setattr("click.prompt", prompt)

    def set(self, **keys: str) -> None:
        self._settings |= {f"MEPASSAD__KEYS__{name.upper()}": value for name, value in keys.items()}

    def config(self) -> Config:
        return load(None, self._settings, discover())[0].config

    def unlock(self) -> Secret:
        return passphrase.unlock(WRAPPED, self.config())


def fake_keyring(**functions: object) -> ModuleType:
    module = ModuleType("keyring")
    vars(module).update(functions)
    return module
