"""Plugins that cannot be used, as real distributions: each is told in a sentence, with an exit code, at any start."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from mepassad import __version__
from mepassad.cli.main import main
from mepassad.errors import PluginBroken, PluginClash, PluginIncompatible, PluginNotPermitted
from mepassad.plugins import discover
from tests.unit.plugins.installing import Site

FILTER = "@hookimpl\ndef provide_filter(config): return None\n"
EXIT = "raise SystemExit('imported')"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, without a configuration, in English."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LANGUAGE", "en")
    monkeypatch.setattr("mepassad.log.set_up", lambda level, form: None)  # pytest owns the handlers of this process
    return tmp_path


def told(home: Path, capsys: pytest.CaptureFixture[str], config: str, *command: str) -> tuple[int, str]:
    """The exit code of a command with this configuration, and what it wrote to standard error."""
    (home / "config.yaml").write_text(config)
    with pytest.raises(SystemExit) as left:
        main(["--config", str(home / "config.yaml"), *command])
    assert isinstance(left.value.code, int)
    return left.value.code, capsys.readouterr().err


def refused(home: Path, capsys: pytest.CaptureFixture[str], config: str) -> str:
    """The one line that a start and `check-config` both end with, at exit code 1."""
    start, check = told(home, capsys, config), told(home, capsys, config, "check-config")
    assert start == check
    assert start[0] == 1
    assert start[1].endswith("\n")
    assert start[1].count("\n") == 1
    return start[1].rstrip("\n")


ON = "plugins: [odd]\n"
GIVEN = ON + "permissions: {odd: [messages]}\n"


def test_a_plugin_for_a_newer_mepassad_is_told_before_it_is_imported(
    home: Path, capsys: pytest.CaptureFixture[str], site: Site
) -> None:
    site.install("odd", EXIT, version="2.0", requires=["mepassad<0.4,>=0.3"])
    assert refused(home, capsys, ON) == (
        f"The plugin 'odd' 2.0 needs mepassad >=0.3, <0.4, and this is {__version__}: update mepassad, or install an "
        "older 'odd'."
    )


@pytest.mark.parametrize("requirement", ["mepassad<0.1", "mepassad==0.0.*", "mepassad~=0.0.3"])
def test_a_plugin_for_an_older_mepassad_is_told(
    home: Path, capsys: pytest.CaptureFixture[str], site: Site, requirement: str
) -> None:
    site.install("odd", EXIT, requires=[requirement])
    sentence = refused(home, capsys, ON)
    assert sentence.endswith(f", and this is {__version__}: update 'odd', or install an older mepassad.")


def test_the_advice_what_to_install_can_be_copied_into_a_shell_whatever_a_plugin_asks_for(
    home: Path, capsys: pytest.CaptureFixture[str], site: Site
) -> None:
    site.install("odd", EXIT, requires=["mepassad>=0.1", "no-such-thing===1'&touch${IFS}here&'"])
    advice = refused(home, capsys, ON).rpartition("`pip ")[2].removesuffix("`.")
    assert shlex.split(advice) == ["install", "no-such-thing===1'&touch${IFS}here&'"]


def test_everything_that_a_plugin_needs_and_that_is_not_there_is_named(
    home: Path, capsys: pytest.CaptureFixture[str], site: Site
) -> None:
    requires = [
        "mepassad>=9",
        "no-such-thing>=2",
        "pluggy<1",
        "click",
        "nor-this; python_version < '3'",
        "nor-that; extra == 'more'",
    ]
    site.install("odd", EXIT, requires=requires)
    found = refused(home, capsys, ON)
    assert f"needs mepassad >=9, and this is {__version__}: update mepassad, or install an older 'odd'." in found
    assert " It also needs no-such-thing >=2, which is not installed, and pluggy <1, of which 1." in found
    assert found.endswith(" is installed: `pip install 'no-such-thing>=2' 'pluggy<1'`.")


def test_what_a_plugin_needs_is_enough_in_a_version_of_before_a_release(site: Site) -> None:
    site.install("needed", version="2.0rc1")
    site.install("odd", requires=["mepassad", "made-up-needed>=1.9"])
    discover().load(["odd"])


def test_a_plugin_of_this_project_of_another_release_is_told_as_well(site: Site) -> None:
    site.install("odd", distribution="mepassad-transport-libp2p", version="0.0.9", requires=["mepassad<0.1"])
    with pytest.raises(PluginIncompatible, match=r"'odd' 0\.0\.9 needs mepassad <0\.1, and this is"):
        discover().load(["odd"])


def test_a_requirement_that_is_none_is_told(home: Path, capsys: pytest.CaptureFixture[str], site: Site) -> None:
    site.install("odd", EXIT, requires=["mepassad >< 3"])
    assert refused(home, capsys, ON).startswith(
        "The plugin 'odd' could not be loaded: what it requires cannot be read: "
    )


def test_a_plugin_that_was_not_given_what_it_asks_for_is_told_in_words_before_it_is_imported(
    home: Path, capsys: pytest.CaptureFixture[str], site: Site
) -> None:
    site.install("odd", EXIT, permissions=["messages", "commands"])
    assert refused(home, capsys, ON + "permissions: {odd: [commands], other: [messages]}") == (
        "The plugin 'odd' of made-up-odd 1.0 asks for what it was not given: to see, change and refuse the text of "
        "every message (messages). If you trust it, run `mepassad plugin enable odd`, or write below `permissions:` in "
        "the configuration: `odd: [messages, commands]`."
    )


def test_a_plugin_that_was_given_more_than_it_asks_for_loads(site: Site) -> None:
    site.install("odd", FILTER, permissions=["messages"])
    loaded = discover().load(["odd"], {"odd": ["messages", "node_key"]})
    assert loaded.permitted("odd", "messages")
    assert not loaded.permitted("odd", "node_key")


def test_a_hook_takes_the_permission_that_opens_it(home: Path, capsys: pytest.CaptureFixture[str], site: Site) -> None:
    site.install("odd", FILTER, permissions=["commands"])
    assert refused(home, capsys, ON + "permissions: {odd: [commands, messages]}") == (
        "The plugin 'odd' could not be loaded: it has the hook provide_filter, but its distribution does not ask for "
        'the permission that this takes: "odd.messages" = "mepassad.api.permissions:messages" in the group '
        "mepassad.permissions."
    )


def test_another_distribution_cannot_ask_in_a_plugins_name(site: Site) -> None:
    site.install("odd", FILTER)
    site.install("helper", lines=["odd.messages = mepassad.api.permissions:messages"])
    with pytest.raises(PluginBroken, match="has the hook provide_filter"):
        discover().load(["odd"], {"odd": ["messages"]})


@pytest.mark.parametrize(
    "line",
    [
        "odd.teleport = mepassad.api.permissions:teleport",
        "odd.commands = mepassad.api.permissions:messages",
        "odd.messages = elsewhere:messages",
        "odd = mepassad.api.permissions:messages",
    ],
)
def test_an_unknown_permission_is_told(home: Path, capsys: pytest.CaptureFixture[str], site: Site, line: str) -> None:
    site.install("odd", EXIT, lines=[line])
    sentence = refused(home, capsys, GIVEN)
    assert f"asks for a permission that this mepassad does not know, '{line}'; there are: messages, keys," in sentence


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module_here", "ModuleNotFoundError: No module named 'no_such_module_here'"),
        ("def (", "SyntaxError"),
        (EXIT, "SystemExit: imported"),
        ("@hookimpl\ndef provide_teleport(config): ...", "unknown hook 'provide_teleport'"),
        ("@hookimpl\ndef register_config(register): register('other', object)", "section bears its own name"),
    ],
)
def test_a_plugin_that_is_broken_is_told(
    home: Path, capsys: pytest.CaptureFixture[str], site: Site, source: str, reason: str
) -> None:
    site.install("odd", source, permissions=["messages"])
    sentence = refused(home, capsys, GIVEN)
    assert sentence.startswith("The plugin 'odd' could not be loaded: ")
    assert reason in sentence


def test_a_plugin_cannot_take_the_name_of_another(home: Path, capsys: pytest.CaptureFixture[str], site: Site) -> None:
    site.install("sqlite")
    assert refused(home, capsys, "") in [
        f"Two installed packages provide a plugin named 'sqlite': {first} and {second}; uninstall one."
        for first, second in [("mepassad", "made-up-sqlite"), ("made-up-sqlite", "mepassad")]
    ]


@pytest.mark.parametrize("name", ["node", "permissions", "crypto", "plugins"])
def test_a_plugin_cannot_take_the_name_of_a_section_of_the_cores(site: Site, name: str) -> None:
    site.install(name)
    with pytest.raises(PluginClash, match=f"The plugin '{name}' bears the name of a section of mepassad's own"):
        discover().load([name])


@pytest.mark.parametrize("name", ["../odd", "Odd", "o dd", "o.dd", "1odd", "o" * 65, "é"])
def test_a_name_that_is_no_word_is_told(site: Site, name: str) -> None:
    site.install(name, EXIT, distribution="made-up-odd")
    with pytest.raises(PluginBroken, match="its name must be of small letters, digits and underscores"):
        discover().load([name])


@pytest.mark.parametrize("asked", ["node", "caller"])
def test_a_method_of_a_plugin_does_not_get_what_only_the_cores_get(site: Site, asked: str) -> None:
    source = (
        "from mepassad.api import Done, method\n"
        f"@method('odd.ask', scope='read')\nasync def ask({asked}) -> Done: ...\n"
        "@hookimpl\ndef register_methods(register): register(ask)\n"
    )
    site.install("odd", source, permissions=["methods"])
    with pytest.raises(PluginBroken, match=rf"its method 'odd\.ask' asks for `{asked}`, which only the core's may"):
        discover().load(["odd"], {"odd": ["methods"]}).methods()


def test_nothing_is_imported_while_one_plugin_is_not_fit(site: Site) -> None:
    site.install("fine")
    site.install("odd", requires=["mepassad>=9"])
    with pytest.raises(PluginIncompatible):
        discover().load(["fine", "odd"])
    with pytest.raises(PluginIncompatible):
        discover().load(["odd", "fine"])
    assert "made_up_fine" not in sys.modules


def test_the_plugins_of_this_project_and_no_others_are_given_what_they_ask_for(site: Site) -> None:
    site.install("ours", distribution="Mepassad_Transport.libp2p", permissions=["network"])
    discover().load(["ours"])
    site.install("lookalike", distribution="mepassad-transport-libp2p-x", permissions=["network"])
    with pytest.raises(PluginNotPermitted):
        discover().load(["lookalike"])


def test_an_unknown_permission_in_the_configuration_is_told_at_its_place(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = told(home, capsys, "permissions:\n  odd: [messages, mesages]\n", "check-config")
    assert code == 2
    assert "config.yaml:2:19: permissions.odd: unknown permission 'mesages' — did you mean 'messages'?\n" in error


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ("permissions: [odd]", "1:14: permissions: expected keys with values, got a list"),
        ("permissions:\n  odd: messages", "2:8: permissions.odd: expected a list, such as `odd: [messages]`, got text"),
        ("permissions:\n  odd: [messages, 5]", "2:19: permissions.odd: expected text, got a whole number"),
    ],
)
def test_permissions_of_a_wrong_kind_are_told_at_their_place(
    home: Path, capsys: pytest.CaptureFixture[str], config: str, place: str
) -> None:
    code, error = told(home, capsys, config, "check-config")
    assert code == 2
    assert f"config.yaml:{place}" in error


def test_a_variable_adds_to_the_permissions_of_the_file(
    home: Path, capsys: pytest.CaptureFixture[str], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("odd", permissions=["messages"])
    site.install("even", permissions=["commands"])
    monkeypatch.setenv("MEPASSAD__PERMISSIONS__EVEN", "[commands]")
    config = "plugins: [odd, even]\npermissions: {odd: [messages]}"
    assert told(home, capsys, config, "check-config") == (0, "")
