"""`mepassad plugins` and `mepassad plugin`: what they show, ask and write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mepassad.cli.main import main
from tests.unit.plugins.installing import Site

FILTER = "@hookimpl\ndef provide_filter(config): return None\n"


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file, in a home of its own; English."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LANGUAGE", "en")
    path = tmp_path / "config.yaml"
    monkeypatch.setenv("MEPASSAD_CONFIG", str(path))
    path.write_text("# mine\nplugins: []  # none yet\nlog: {level: info}\n")
    return path


@pytest.fixture
def spam(site: Site) -> Site:
    """A place with a filter in it."""
    site.install("spam", FILTER, version="1.2", requires=["mepassad>=0.1", "msgspec"], permissions=["messages"])
    return site


def mepassad(*args: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(args)
    assert isinstance(left.value.code, int)
    return left.value.code


def answer(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: word)


# -- the list


def test_the_list_shows_what_a_plugin_needs_and_asks_for_whether_it_is_on_or_off(
    config: Path, spam: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = "spam  {}  made-up-spam 1.2\n  needs: mepassad>=0.1, msgspec\n  {}\n"
    asks = "asks to: see, change and refuse the text of every message (messages), which was not given"
    assert mepassad("plugins") == 0
    assert shown.format("off", asks) in capsys.readouterr().out
    config.write_text("plugins: [spam]\npermissions: {spam: [messages]}")
    assert mepassad("plugins") == 0
    may = "may: see, change and refuse the text of every message (messages)"
    assert shown.format("on", may) + "  provides: provide_filter\n" in capsys.readouterr().out


def test_the_list_is_shown_although_a_plugin_cannot_be_loaded(
    config: Path, spam: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    spam.install("odd", requires=["mepassad>=9"])
    config.write_text("plugins: [odd, spam]")
    assert mepassad("plugins") == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("The plugin 'odd' 1.0 needs mepassad >=9, ")
    assert "odd  on  made-up-odd 1.0\n  needs: mepassad>=9\n  cannot be loaded: The plugin 'odd' 1.0 n" in captured.out
    assert "  cannot be loaded: The plugin 'spam' of made-up-spam 1.2 asks for what it was not given: " in captured.out


@pytest.mark.parametrize("requires", [[], ["mepassad"], ["mepassad; extra == 'x'"]])
def test_a_plugin_that_does_not_say_with_which_mepassad_it_goes_loads_and_is_marked(
    config: Path, site: Site, capsys: pytest.CaptureFixture[str], requires: list[str]
) -> None:
    site.install("odd", requires=requires)
    config.write_text("plugins: [odd]")
    assert mepassad("plugins") == 0
    assert "  does not say which versions of mepassad it goes with\n" in capsys.readouterr().out


def test_the_list_in_json_has_the_same(config: Path, spam: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert mepassad("plugins", "--json") == 0
    (found,) = [info for info in json.loads(capsys.readouterr().out) if info["name"] == "spam"]
    words = "see, change and refuse the text of every message"
    assert found == {
        "name": "spam",
        "distribution": "made-up-spam",
        "version": "1.2",
        "enabled": False,
        "hooks": None,
        "keys": None,
        "needs": ["mepassad>=0.1", "msgspec"],
        "bounded": True,
        "permissions": [{"name": "messages", "words": words, "given": False}],
        "problem": "",
    }


# -- turning on and off


def test_a_plugin_is_turned_on_after_a_yes_with_what_it_asks_for(
    config: Path, spam: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "y")
    assert mepassad("plugin", "enable", "spam") == 0
    assert capsys.readouterr().out.startswith(
        "spam  made-up-spam 1.2\n  needs: mepassad>=0.1, msgspec\n  asks to: see, change and refuse the text of every "
        "message (messages), which was not given\n"
    )
    assert config.read_text() == (
        "# mine\nplugins: [spam]  # none yet\nlog: {level: info}\npermissions:\n  spam: [messages]\n"
    )
    assert mepassad("check-config") == 0


@pytest.mark.parametrize("word", ["", "n", "no", "yess", "sim"])
def test_without_a_yes_nothing_is_changed(
    config: Path, spam: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    answer(monkeypatch, word)
    before = config.read_bytes()
    assert mepassad("plugin", "enable", "spam") == 0
    assert capsys.readouterr().out.endswith("Nothing was changed.\n")
    assert config.read_bytes() == before


def test_a_yes_may_be_in_the_users_language(config: Path, spam: Site) -> None:
    environ = {**os.environ, "LANGUAGE": "pt_BR", "PYTHONPATH": str(spam.folder)}
    command = [sys.executable, "-m", "mepassad", "plugin", "enable", "spam"]
    done = subprocess.run(command, input="sim\n", env=environ, capture_output=True, text=True, timeout=30, check=True)
    assert "ver, mudar e recusar o texto de cada mensagem" in done.stdout
    assert "[spam]" in config.read_text()


def test_with_yes_nobody_is_asked_and_off_takes_back_what_was_given(
    config: Path, spam: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    before = config.read_text()
    assert mepassad("plugin", "enable", "--yes", "spam") == 0
    on = config.read_text()
    assert mepassad("plugin", "enable", "--yes", "spam") == 0
    assert capsys.readouterr().out.endswith("The plugin 'spam' is on already.\n")
    assert config.read_text() == on
    assert mepassad("plugin", "disable", "spam") == 0
    assert config.read_text() == before + "permissions: {}\n"
    assert mepassad("plugin", "disable", "spam") == 0
    assert capsys.readouterr().out.endswith("The plugin 'spam' is not on.\n")


def test_a_plugin_that_is_on_without_what_it_asks_for_is_given_it(config: Path, spam: Site) -> None:
    config.write_text("plugins:\n- spam\npermissions:\n  spam:\n")
    assert mepassad("plugin", "enable", "--yes", "spam") == 0
    assert config.read_text() == "plugins:\n- spam\npermissions:\n  spam: [messages]\n"


def test_a_plugin_of_this_project_is_turned_on_without_permissions(config: Path) -> None:
    assert mepassad("plugin", "enable", "--yes", "transport_memory") == 0
    assert "permissions" not in config.read_text()
    assert mepassad("plugin", "disable", "transport_memory") == 0
    assert config.read_text() == "# mine\nplugins: []  # none yet\nlog: {level: info}\n"


@pytest.mark.parametrize("command", ["enable", "disable"])
def test_a_built_in_plugin_stays_on(config: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    before = config.read_text()
    assert mepassad("plugin", command, "sqlite") == 0
    assert config.read_text() == before


def test_a_plugin_that_does_not_go_with_this_mepassad_is_not_turned_on(
    config: Path, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    before = config.read_text()
    site.install("odd", requires=["mepassad>=9"])
    assert mepassad("plugin", "enable", "--yes", "odd") == 1
    assert capsys.readouterr().err.startswith("The plugin 'odd' 1.0 needs mepassad >=9, ")
    assert mepassad("plugin", "enable", "--yes", "nobody") == 1
    assert capsys.readouterr().err.startswith("The plugin 'nobody' is not installed; installed are: ")
    assert config.read_text() == before


def test_what_is_wrong_after_a_change_is_told_at_once(
    config: Path, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.install("odd", "import no_such_module_here")
    assert mepassad("plugin", "enable", "--yes", "odd") == 1
    captured = capsys.readouterr()
    assert captured.out.endswith("Changed: " + str(config) + ". It counts from the node's next start.\n")
    assert captured.err.startswith("The plugin 'odd' could not be loaded: ModuleNotFoundError: ")


def test_a_plugin_that_is_gone_can_be_turned_off(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("plugins: [gone]\npermissions: {gone: [messages]}\n")
    assert mepassad("check-config") == 2
    assert mepassad("plugin", "disable", "gone") == 0
    assert config.read_text() == "plugins: []\npermissions: {}\n"


def test_without_a_file_the_command_says_what_to_write(
    spam: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEPASSAD_CONFIG")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert mepassad("plugin", "enable", "--yes", "spam") == 2
    assert capsys.readouterr().err == (
        "There is no configuration file to change: no /etc/mepassad/config.yaml. In a file of that name, or one that "
        "--config names, write\n\nplugins:\n  - spam\npermissions:\n  spam: [messages]\n"
    )
    assert mepassad("plugin", "disable", "spam") == 2
    assert capsys.readouterr().err == "There is no configuration file to change: no /etc/mepassad/config.yaml.\n"


def test_a_variable_that_overrides_the_file_is_named(
    config: Path, spam: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = config.read_text()
    monkeypatch.setenv("MEPASSAD__PLUGINS", "[]")
    for command in ("enable", "disable"):
        assert mepassad("plugin", command, "spam") == 2
        assert "The variable MEPASSAD__PLUGINS says which plugins are on" in capsys.readouterr().err
    assert config.read_text() == before


@pytest.mark.parametrize("name", ["rpc", "Odd-Name", "a.b", "\x1b[31mred"])
def test_a_plugin_whose_name_no_plugin_may_bear_is_marked_and_not_turned_on(
    config: Path, site: Site, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    site.install(name, distribution="made-up-odd")
    before = config.read_text()
    assert mepassad("plugins") == 0
    assert "\n  cannot be loaded: The plugin '" in capsys.readouterr().out
    assert mepassad("plugin", "enable", name, "--yes") == 1
    assert config.read_text() == before


def test_what_a_distribution_says_of_itself_cannot_take_hold_of_the_terminal(
    config: Path, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.install(
        "odd",
        "raise ValueError('\\x1b[2J\\x9b2J')",
        distribution="made-up\x1b[2K\n  may: nothing",
        version="1\x1b]0;title\x07\u202e",
        requires=["mepassad>=0.1", "pluggy>=1", "msgspec @ https://example.org/\x1b[8m"],
    )
    for command in (["plugins"], ["plugin", "enable", "odd", "--yes"], ["plugins"], ["plugins", "--json"]):
        mepassad(*command)
        captured = capsys.readouterr()
        shown = captured.out + captured.err
        assert all(char.isprintable() or char == "\n" for char in shown), repr(shown)
        assert "\n  may: nothing" not in shown
    assert "made-up�[2K" in shown, shown


def test_a_file_that_lies_here_is_named(
    spam: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEPASSAD_CONFIG")
    (tmp_path / "config.yaml").write_text("plugins: []\n")
    monkeypatch.chdir(tmp_path)
    assert mepassad("plugin", "enable", "--yes", "spam") == 2
    assert "Name the one that is here: `mepassad --config config.yaml …`." in capsys.readouterr().err
