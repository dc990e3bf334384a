"""The commented config.yaml of the repository: it loads, it names every key, and it says the defaults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mepassad.config.describe import describe_keys
from mepassad.config.load import load
from mepassad.config.model import Config
from mepassad.plugins import discover

REFERENCE = Path(__file__).parents[1] / "config.yaml"
ENVIRON = {"HOME": "/home/ana"}
HERE_AND_THERE = {"node.data_dir", "rpc.socket"}  # their defaults depend on where the daemon runs


@pytest.fixture(autouse=True)
def with_all_distributions() -> None:
    pytest.importorskip("mepassad_transport_libp2p")


def mentioned() -> dict[str, bool]:
    """Every dotted key of the file, set or commented out, and whether a comment stands at most two lines above it."""
    found: dict[str, bool] = {}
    section = ""
    lines = REFERENCE.read_text().splitlines()
    for number, line in enumerate(lines):
        commented = any(above.strip().startswith("# ") for above in lines[max(0, number - 2) : number])
        if key := re.match(r"  (?:# )?([a-z_0-9]+):( |$)", line):
            found[f"{section}.{key[1]}"] = commented
        elif key := re.match(r"([a-z_0-9]+):", line):
            section = key[1]
            found[section] = commented
    return found


def test_it_loads_and_ignores_nothing() -> None:
    loaded, plugins = load(REFERENCE, ENVIRON, discover())
    assert loaded.ignored == ()
    assert "transport_libp2p" in plugins.names


def test_it_mentions_every_key_of_the_core_and_of_its_plugins_and_comments_each() -> None:
    _, plugins = load(REFERENCE, ENVIRON, discover())
    keys = {info.key for info in describe_keys(Config)}
    keys |= {info.key for name, kind in plugins.sections.items() for info in describe_keys(kind, name)}
    found = mentioned()
    assert keys <= set(found)
    assert [key for key in sorted(keys) if not found[key]] == []


def test_its_values_are_the_defaults() -> None:
    loaded, _ = load(REFERENCE, ENVIRON, discover())
    default, _ = load(None, ENVIRON | {"MEPASSAD__PLUGINS": "[transport_libp2p]"}, discover())
    assert loaded.config == default.config
    assert loaded.sections == default.sections
    unset = {key for key, origin in loaded.origins.items() if origin == "default"}
    assert unset == HERE_AND_THERE


def test_the_data_folder_it_shows_is_the_default() -> None:
    text = REFERENCE.read_text().replace("# data_dir: ", "data_dir: ").replace("# socket: ", "socket: ")
    assert "\n  data_dir: ~/.local/share/mepassad\n" in text
    config = load(None, ENVIRON, discover())[0].config
    assert config.node.data_dir == Path("/home/ana/.local/share/mepassad")
    assert config.rpc.socket == config.node.data_dir / "run" / "mepassad.sock"
