"""What the command says to type finds it in another terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from mepassa.cli.itself import itself


@pytest.mark.parametrize(
    ("installed", "on_path", "folder", "command"),
    [
        ("mepassa", True, ".", "mepassa chat 'a b'"),
        ("mepassa", False, ".", "bin/mepassa chat 'a b'"),
        ("mepassa", False, "elsewhere", "{bin}/mepassa chat 'a b'"),
        ("something else", False, ".", "mepassa chat 'a b'"),
    ],
)
def test_it_is_named_by_its_path_where_its_name_does_not_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: str, on_path: bool, folder: str, command: str
) -> None:
    for name in ("bin", "elsewhere", "other"):
        (tmp_path / name).mkdir()
    for file in (tmp_path / "bin" / installed, tmp_path / "other" / "mepassa"):
        file.touch(0o755)
    monkeypatch.chdir(tmp_path / folder)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / ("bin" if on_path else "other")))
    assert itself("chat", "a b") == command.format(bin=tmp_path / "bin")
