"""Plugins: what is off is not imported, what is broken is named, and what is on is told whole."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from mepassad import plugins
from mepassad.api import hookimpl
from mepassad.errors import PluginBroken, PluginClash, PluginMissing
from mepassad.plugins import BUILTIN, GROUP, Catalogue

Make = Callable[..., Catalogue]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A catalogue of modules with this source; the built-in ones are empty."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(**sources: str) -> Catalogue:
        points = []
        for name, source in {**dict.fromkeys(BUILTIN, ""), **sources}.items():
            (tmp_path / f"made_up_{name}.py").write_text(f"from mepassad.api import hookimpl\n{source}")
            monkeypatch.delitem(sys.modules, f"made_up_{name}", raising=False)
            points.append(EntryPoint(name, f"made_up_{name}", GROUP))
        return Catalogue(points)

    return make


FILTER = "@hookimpl\ndef provide_filter(config): return '{}'\n"


def test_the_built_in_plugins_are_installed_and_load() -> None:
    loaded = plugins.discover().load([])
    assert set(loaded.names) == set(BUILTIN)
    assert loaded.providers("provide_crypto") == ["signal"]
    assert loaded.providers("provide_store") == ["sqlite"]


def test_a_plugin_that_is_off_is_not_imported(installed: Make) -> None:
    catalogue = installed(idle="raise SystemExit('imported')")
    listed = catalogue.describe([], {}, catalogue.load([]))
    assert "made_up_idle" not in sys.modules
    idle = next(info for info in listed if info.name == "idle")
    assert (idle.enabled, idle.hooks, idle.keys) == (False, None, None)


def test_hooks_with_many_results_run_in_the_order_of_the_list(installed: Make) -> None:
    catalogue = installed(one=FILTER.format("one"), two=FILTER.format("two"))
    assert catalogue.load(["one", "two"]).manager.hook.provide_filter(config=None) == ["one", "two"]
    assert catalogue.load(["two", "one"]).manager.hook.provide_filter(config=None) == ["two", "one"]


def test_a_named_plugin_comes_before_a_built_in_one(installed: Make) -> None:
    crypto = "@hookimpl\ndef provide_crypto(config): return '{}'\n"
    loaded = installed(signal=crypto.format("built-in"), own=crypto.format("own")).load(["own"])
    assert loaded.manager.hook.provide_crypto(config=None) == "own"


def test_naming_a_built_in_plugin_changes_nothing(installed: Make) -> None:
    assert set(installed().load(["signal"]).names) == set(BUILTIN)


def test_a_plugin_that_is_not_installed_is_named_with_those_that_are(installed: Make) -> None:
    with pytest.raises(
        PluginMissing, match="'nobody' is not installed; installed are: bots, mailbox_sqlite, one, signal, sqlite"
    ):
        installed(one="").load(["nobody"])


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module_here", "ModuleNotFoundError: No module named 'no_such_module_here'"),
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        ("raise SystemExit", "SystemExit: no reason given"),
        ("def (", "SyntaxError"),
        ("@hookimpl\ndef provide_teleport(config): ...", "unknown hook 'provide_teleport'"),
        ("@hookimpl\ndef provide_filter(settings): ...", "PluginValidationError"),
        ("@hookimpl\ndef register_config(register): 1 / 0", "ZeroDivisionError"),
        ("@hookimpl\ndef register_config(register): register('other', object)", "bears its own name"),
        (
            "import msgspec\nclass C(msgspec.Struct):\n    x: int\n"
            "@hookimpl\ndef register_config(register): register('bad', C)",
            "TypeError: Missing required argument 'x'",
        ),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_named_with_the_reason(installed: Make, source: str, reason: str) -> None:
    with pytest.raises(PluginBroken) as caught:
        installed(bad=source).load(["bad"])
    assert caught.value.sentence.startswith("The plugin 'bad' could not be loaded: ")
    assert reason in caught.value.sentence
    assert "\n" not in caught.value.sentence


def test_two_packages_that_claim_one_name_are_an_error() -> None:
    with pytest.raises(PluginClash, match="provide a plugin named 'x': first and second; uninstall one"):
        Catalogue([EntryPoint("x", "first", GROUP), EntryPoint("x", "second", GROUP)])


def test_one_module_under_two_names_is_an_error(installed: Make) -> None:
    points = installed(one="").points
    points["two"] = EntryPoint("two", points["one"].value, GROUP)
    with pytest.raises(PluginClash, match="is the same module as"):
        Catalogue(points.values()).load(["one", "two"])


class Section(msgspec.Struct, frozen=True):
    """What a plugin might ask for."""

    peers: Annotated[int, Meta(ge=1, le=1000, description="How many.")] = 8
    hosts: Annotated[tuple[str, ...], Meta(description="Which.")] = ("a",)
    folder: Path = Path("x")


class WithSection:
    @hookimpl
    def register_config(self, register: Any) -> None:
        register("own", Section)


def test_the_listing_tells_hooks_and_keys_with_type_default_and_description(
    installed: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = installed(own="").points
    monkeypatch.setitem(sys.modules, "made_up_own", WithSection())  # type: ignore[misc]
    catalogue = Catalogue(points.values())
    listed = catalogue.describe(["own"], {}, catalogue.load(["own"]))
    (own,) = [one for one in listed if one.name == "own"]
    assert (own.name, own.enabled, own.hooks) == ("own", True, ["register_config"])
    assert own.keys is not None
    assert [msgspec.structs.astuple(key) for key in own.keys] == [
        ("own.peers", "whole number (≥ 1, ≤ 1 000)", 8, "How many."),
        ("own.hosts", "list of text", ("a",), "Which."),
        ("own.folder", "path", "x", ""),
    ]


def test_every_key_of_every_plugin_here_has_a_description() -> None:
    catalogue = plugins.discover()
    for info in catalogue.describe(catalogue.names, {}, catalogue.load(catalogue.names)):
        assert info.version
        assert info.distribution
        for key in info.keys or ():
            assert key.description, key.key
