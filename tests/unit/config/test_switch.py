"""Turning plugins on and off in a file: whole or not at all, with its mode, its spelling and its place."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mepassad.config import edit
from mepassad.config.switch import disable, enable
from mepassad.config.tree import MAX_BYTES, parse_file
from mepassad.errors import ConfigError

ROOT = Path(__file__).parents[3]
NOBODY = 65_534


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("plugins: [a]\n")
    return path


def test_the_reference_configuration_keeps_every_line(config: Path) -> None:
    text = (ROOT / "config.yaml").read_text()
    config.write_text(text)
    assert enable(config, "new", ["messages", "commands"])
    added = [line for line in config.read_text().splitlines() if line not in text.splitlines()]
    assert added == ["  - new", "permissions: {new: [messages, commands]}"]
    assert disable(config, "new")
    assert config.read_text() == text
    assert disable(config, "transport_libp2p")
    values = parse_file(config.read_text(), "x").plain()
    assert (values["plugins"], values["permissions"]) == ([], {})


def test_the_file_keeps_its_mode_and_its_owner(config: Path) -> None:
    config.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(config, NOBODY, NOBODY)
    before = config.stat()
    enable(config, "new", [])
    after = config.stat()
    assert after.st_ino != before.st_ino
    assert stat.S_IMODE(after.st_mode) == 0o640
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert [path.name for path in config.parent.iterdir()] == ["config.yaml"]


def test_a_link_stays_a_link(config: Path) -> None:
    link = config.with_name("link.yaml")
    link.symlink_to(config)
    enable(link, "new", [])
    assert link.is_symlink()
    assert config.read_text() == "plugins: [a, new]\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\xef\xbb\xbfplugins: [a]\r\n# \xc3\xa9\r\n", b"\xef\xbb\xbfplugins: [a, new]\r\n# \xc3\xa9\r\n"),
        (b"plugins:\r\n- a\r\n", b"plugins:\r\n- a\r\n- new\r\n"),
        (b"", b"plugins: [new]\n"),
    ],
)
def test_marks_and_line_breaks_of_other_systems_stay(config: Path, before: bytes, after: bytes) -> None:
    config.write_bytes(before)
    enable(config, "new", [])
    assert config.read_bytes() == after


def test_a_second_time_changes_nothing(config: Path) -> None:
    assert enable(config, "new", ["messages"])
    before = written(config)
    assert not enable(config, "new", ["messages"])
    assert written(config) == before
    assert disable(config, "new")
    assert not disable(config, "new")


def written(file: Path) -> tuple[int, ...]:
    """What writing to a file changes; reading changes its time of access."""
    found = file.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode


@pytest.mark.parametrize(
    "text",
    [
        "plugins: a",
        "plugins: {a: b}",
        "- a",
        "just text",
        "permissions: [a]",
        "permissions: {new: messages}",
        "permissions: {new: {a: b}}",
        "plugins: [a\n ,\n # b, c\n ]  # odd\npermissions: 5",
    ],
)
def test_what_cannot_be_changed_safely_stays_as_it_is_and_the_user_is_told_what_to_write(
    config: Path, text: str
) -> None:
    config.write_text(text)
    before = written(config)
    with pytest.raises(ConfigError) as caught:
        enable(config, "new", ["messages"])
    assert str(caught.value).startswith(f"{config}: this file is written in a way that cannot be changed safely; write")
    assert "\n  - new\npermissions:\n  new: [messages]" in str(caught.value)
    assert written(config) == before


@pytest.mark.parametrize("name", ["true", "12", "a, b", "a # b", "[", "null"])
def test_a_change_that_would_mean_something_else_is_not_written(config: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be changed safely"):
        enable(config, name, [])
    assert config.read_text() == "plugins: [a]\n"


@pytest.mark.parametrize("text", ["plugins: [a", "a: *b", "\xff", "x" * (MAX_BYTES + 1), "a: 1\na: 2"])
def test_a_file_that_is_wrong_is_told_and_stays(config: Path, text: str) -> None:
    config.write_text(text, encoding="latin-1")
    before = written(config)
    for change in (lambda: enable(config, "new", []), lambda: disable(config, "a")):
        with pytest.raises(ConfigError, match=r"config\.yaml"):
            change()
    assert written(config) == before


@contextmanager
def somebody_else() -> Iterator[None]:
    """Root may write everything: be another user for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(("folder_mode", "mode"), [(0o755, 0o444), (0o555, 0o666), (0o777, 0o444)])
def test_a_file_that_may_not_be_written_is_told_and_stays(folder_mode: int, mode: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text("plugins: [a]")
        path.chmod(mode)
        Path(folder).chmod(folder_mode)
        with somebody_else(), pytest.raises(ConfigError, match="the configuration cannot be written: Permission"):
            enable(path, "new", [])
        assert [found.name for found in Path(folder).iterdir()] == ["config.yaml"]
        assert path.read_text() == "plugins: [a]"
        Path(folder).chmod(0o700)


def test_a_file_that_would_grow_too_large_to_be_read_stays_as_it_is(config: Path) -> None:
    line = len("plugins: [new]\n")
    for room in (line, line - 1):
        text = "#" * (MAX_BYTES - room - 1) + "\n"
        config.write_text(text)
        if room == line:
            assert enable(config, "new", [])
            assert config.stat().st_size == MAX_BYTES
            continue
        with pytest.raises(ConfigError, match="would be larger than 256 KiB"):
            enable(config, "new", [])
        assert config.read_text() == text


def test_what_another_writes_at_the_same_time_is_not_lost(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(text: str, *rest: Any) -> str:
        config.write_text("plugins: [a, other]\n")
        return add(text, *rest)

    add = edit.add
    monkeypatch.setattr(edit, "add", slowly)
    with pytest.raises(ConfigError, match="somebody else changed this file just now; try again"):
        enable(config, "new", [])
    assert config.read_text() == "plugins: [a, other]\n"
