"""`mepassad init --profile`: a configuration file for what the node is to be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mepassad.cli.main import main
from mepassad.config.load import load
from mepassad.plugins import discover


@pytest.fixture
def mepassad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command, with a data folder of the test's own."""
    monkeypatch.setenv("MEPASSAD__NODE__DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LANGUAGE", "en")
    monkeypatch.delenv("MEPASSAD_CONFIG", raising=False)
    monkeypatch.setattr("mepassad.log.set_up", lambda level, form: None)  # pytest owns the handlers of this process

    def call(*arguments: str) -> int:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert isinstance(left.value.code, int)
        return left.value.code

    return call


@pytest.mark.parametrize(
    ("profile", "kind", "roles"), [("home", "person", ()), ("server", "node", ("bootstrap", "relay", "mailbox"))]
)
def test_a_profile_is_a_file_that_the_node_runs_with_and_an_account_that_fits(
    mepassad: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    profile: str,
    kind: str,
    roles: tuple[str, ...],
) -> None:
    path = tmp_path / "etc" / "config.yaml"
    assert mepassad("--config", str(path), "init", "--profile", profile) == 0
    shown = capsys.readouterr().out
    assert f"Made: {path}\n" in shown
    assert f"its data is in {tmp_path / 'data'}." in shown
    loaded, _ = load(path, {}, discover())
    assert (loaded.config.roles, loaded.config.plugins) == (roles, ("transport_libp2p",))
    with closing(sqlite3.connect(tmp_path / "data" / "node.db")) as rows:
        assert rows.execute("SELECT kind FROM account").fetchall() == [(kind,)]


@pytest.mark.parametrize("profile", ["home", "server"])
def test_a_name_that_is_given_with_a_profile_is_in_the_account_and_in_the_file(
    mepassad: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str], profile: str
) -> None:
    path, name = tmp_path / "config.yaml", 'Ana: "\\1" é # 1'
    assert mepassad("--config", str(path), "init", "--profile", profile, "--name", name) == 0
    assert f"Its name is {name}, its data" in capsys.readouterr().out
    assert load(path, {}, discover())[0].config.node.name == name
    with closing(sqlite3.connect(tmp_path / "data" / "node.db")) as rows:
        assert rows.execute("SELECT name FROM account").fetchall() == [(name,)]


def test_a_profile_is_written_over_nothing_and_not_without_a_place(
    mepassad: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("node: {name: ana}\n")
    assert mepassad("--config", str(path), "init", "--profile", "home") == 2
    assert f"There is something at {path} already." in capsys.readouterr().err
    assert path.read_text() == "node: {name: ana}\n"
    assert mepassad("init", "--profile", "home") == 2
    assert "mepassad --config PATH init --profile" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
