"""The command `mepassad`: what it prints, where errors go, and its exit codes."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mepassad import __version__, founding, node, plugins
from mepassad.cli.main import cli, main
from mepassad.cli.setting import config_path
from mepassad.errors import AlreadyRunning
from tests.unit.plugins.installing import Site


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, without a configuration, in English."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LANGUAGE", "en")
    for name in ("MEPASSAD_CONFIG", "XDG_DATA_HOME", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("mepassad.log.set_up", lambda level, form: None)  # pytest owns the handlers of this process
    return tmp_path


def mepassad(*args: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(args)
    assert isinstance(left.value.code, int)
    return left.value.code


def configure(home: Path, text: str) -> str:
    (home / "config.yaml").write_text(text)
    return str(home / "config.yaml")


# -- running the node


def test_without_a_sub_command_the_node_runs_with_the_configuration_and_its_exit_code(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []
    monkeypatch.setattr(node, "run", lambda loaded, enabled, invite: ran.append((loaded, enabled)) or 3)
    assert mepassad("--config", configure(home, "plugins: [transport_memory]\nnode: {name: ana}")) == 3
    [(loaded, enabled)] = ran
    assert loaded.config.node.name == "ana"
    assert "transport_memory" in enabled.names


def test_a_nodes_error_is_a_sentence_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(loaded: object, enabled: object, invite: bool) -> int:
        raise AlreadyRunning("Another mepassad, process 7, uses this data folder.")

    monkeypatch.setattr(node, "run", refuse)
    assert mepassad() == 1
    assert capsys.readouterr().err == "Another mepassad, process 7, uses this data folder.\n"


@pytest.mark.parametrize(
    ("failure", "code", "told"),
    [
        (RuntimeError("two\nlines"), 1, "This is a bug in mepassad, please report it: RuntimeError: two lines\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1, ""),
    ],
)
def test_no_failure_shows_a_traceback(
    failure: BaseException,
    code: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(loaded: object, enabled: object, invite: bool) -> int:
        raise failure

    monkeypatch.setattr(node, "run", fail)
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(f"sys.{stream}", getattr(sys, stream))  # click replaces both after a broken pipe
    assert mepassad() == code
    assert capsys.readouterr().err.lstrip("\n") == told


# -- the configuration


def test_a_wrong_configuration_is_told_at_its_place_with_exit_code_2(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = configure(home, "node:\n  nam: ana\n")
    for command in ([], ["check-config"], ["config", "show"], ["plugins"], ["init"]):
        assert mepassad("--config", path, *command) == 2
        assert capsys.readouterr().err.startswith(f"{path}:2:3: node.nam: unknown key 'nam' — did you mean 'name'?\n")


def test_check_config_says_that_all_is_right_and_what_it_did_not_check(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = configure(home, "transport_memory: {name: x}")
    assert mepassad("--config", path, "check-config") == 0
    assert capsys.readouterr().out.splitlines() == [
        "Not checked: the section of 'transport_memory', which `plugins` does not name.",
        f"The configuration is right: {path}",
    ]


def test_config_show_tells_every_value_and_its_origin(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEPASSAD__LOG__LEVEL", "debug")
    path = configure(home, "node:\n  name: ana\n")
    assert mepassad("--config", path, "config", "show", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["node.name"] == {"value": "ana", "origin": f"{path}:2"}
    assert shown["log.level"] == {"value": "debug", "origin": "environment: MEPASSAD__LOG__LEVEL"}
    assert shown["rpc.socket"] == {"value": f"{home}/.local/share/mepassad/run/mepassad.sock", "origin": "default"}
    assert mepassad("--config", path, "config", "show") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(shown)
    assert next(line.split() for line in lines if line.startswith("log.")) == [
        "log.level:",
        '"debug"',
        "#",
        "environment:",
        "MEPASSAD__LOG__LEVEL",
    ]


def test_the_configuration_is_the_named_one_else_the_variables_else_the_systems_else_none(tmp_path: Path) -> None:
    system = tmp_path / "config.yaml"
    assert config_path(None, {}, system) is None
    system.touch()
    assert config_path(None, {}, system) == system
    assert config_path(None, {"MEPASSAD_CONFIG": "/v"}, system) == Path("/v")
    assert config_path(Path("/c"), {"MEPASSAD_CONFIG": "/v"}, system) == Path("/c")


# -- plugins


def test_plugins_tells_what_is_installed_on_and_provided(capsys: pytest.CaptureFixture[str]) -> None:
    assert mepassad("plugins", "--json") == 0
    found = {info["name"]: info for info in json.loads(capsys.readouterr().out)}
    assert found["signal"]["hooks"] == ["provide_crypto"]
    assert found["transport_memory"]["enabled"] is False
    assert mepassad("plugins") == 0
    out = capsys.readouterr().out
    assert f"transport_memory  off  mepassad {__version__}\n" in out
    assert "  provides: provide_crypto\n" in out
    assert "  sqlite.cache_mb: whole number (≥ 1, ≤ 4 096) = 8\n" in out


GREETER = '''
import click

@hookimpl
def register_commands(cli):
    @cli.command()
    def greet():
        """Say hello."""
        click.echo("hello")

    @cli.command("plugins")
    def mine():
        click.echo("mine")
'''


def test_a_plugin_adds_commands_but_replaces_none(home: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.install("greeter", GREETER, permissions=["commands"])
    path = configure(home, "plugins: [greeter]\npermissions: {greeter: [commands]}")
    own = dict(cli.commands)
    try:
        assert mepassad("--config", path, "greet") == 0
        assert capsys.readouterr().out == "hello\n"
        assert mepassad("--config", path, "--help") == 0
        assert "Say hello." in capsys.readouterr().out
        assert cli.commands["plugins"] is own["plugins"]
    finally:
        cli.commands = own


def test_help_is_shown_beside_the_error_when_the_configuration_is_wrong(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mepassad("--config", configure(home, "x: 1"), "--help") == 0
    captured = capsys.readouterr()
    assert "check-config" in captured.out
    assert "unknown key 'x'" in captured.err


def test_an_unknown_command_is_told_with_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert mepassad("nonsense") == 2
    assert "No such command 'nonsense'" in capsys.readouterr().err


def test_the_version_is_told() -> None:
    for command in ([sys.executable, "-m", "mepassad"], [str(Path(sys.executable).with_name("mepassad"))]):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=30, check=True)
        assert done.stdout == f"mepassad {__version__}\n"


# -- init


def test_init_without_a_terminal_writes_the_words_to_a_private_file_and_prints_only_its_path(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mepassad("init", "--name", "Ana") == 0
    account, file, advice = capsys.readouterr().out.splitlines()
    assert account.startswith("Account: mp1")
    path = Path(file.removeprefix("The 24 words that restore this account are in "))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().split()) == 24
    assert not any(word in account + advice for word in path.read_text().split() if len(word) > 6)


@pytest.mark.parametrize("name", ["", " ", "\u202e", "a" * 65])
def test_init_refuses_a_name_that_nobody_could_see_and_makes_nothing(
    home: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert mepassad("init", "--name", name) == 1
    assert capsys.readouterr().err == "A name needs 1 to 64 visible characters.\n"
    assert not list(home.rglob("*.sqlite*"))


@pytest.mark.parametrize(("language", "heading"), [("C", "Commands:"), ("pt_BR", "Comandos:")])
def test_the_list_of_commands_fits_80_columns(language: str, heading: str) -> None:
    environ = {**os.environ, "LANGUAGE": language, "COLUMNS": "80"}
    command = [sys.executable, "-m", "mepassad", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, env=environ)
    listed = done.stdout.partition(heading)[2]
    assert "init " in listed
    assert "..." not in listed


def test_an_account_is_restored_from_a_file_and_from_standard_input(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mepassad("init") == 0
    first, file, _ = capsys.readouterr().out.splitlines()
    words = file.rsplit(" ", 1)[1]
    monkeypatch.setenv("MEPASSAD__NODE__DATA_DIR", str(home / "second"))
    assert mepassad("init", "--words-file", words) == 0
    assert capsys.readouterr().out == f"{first}\n"
    monkeypatch.setenv("MEPASSAD__NODE__DATA_DIR", str(home / "third"))
    with Path(words).open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert mepassad("init", "--restore") == 0
    assert capsys.readouterr().out == f"{first}\n"


def test_at_a_terminal_the_words_are_asked_for_and_not_echoed(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {}
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("click.prompt", lambda text, **how: asked.update(how) or "one two")
    assert mepassad("init", "--restore") == 1
    assert asked == {"hide_input": True, "err": True}
    assert "24 recovery words" in capsys.readouterr().err


@pytest.mark.parametrize("junk", [b"", b"\xff" * 5000, b"abandon " * 24])
def test_what_is_not_24_words_is_refused_with_a_sentence(
    home: Path, junk: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "words").write_bytes(junk)
    assert mepassad("init", "--words-file", str(home / "words")) == 1
    assert "24 recovery words" in capsys.readouterr().err


def test_a_new_accounts_words_are_shown_at_a_terminal_in_numbered_columns(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = " ".join(f"word{number}" for number in range(1, 25))
    monkeypatch.setattr(founding, "init", lambda *_: founding.InitResult("mp1x", words, None))
    assert mepassad("init") == 0
    out = capsys.readouterr().out
    assert " 1 word1" in out
    assert "24 word24" in out


def test_the_plugins_of_the_distributions_here_are_discovered() -> None:
    assert {"signal", "sqlite", "transport_memory"} <= set(plugins.discover().names)
