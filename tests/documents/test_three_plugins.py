"""docs/plugins.md: its three plugins, taken out of the text, installed where nothing else is, tested and run there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import Distribution
from pathlib import Path, PurePath
from typing import Any

import anyio
import pytest
from packaging.requirements import Requirement

from mepassad.cli.new import EXAMPLES, sources
from mepassad.config.tree import parse_file
from mepassad.testing.rpc_client import RpcError
from scripts.plugin_files import filled
from tests.daemon import Daemon, Fleet, befriend, reaches
from tests.daemon import texts as said
from tests.documents.blocks import ROOT, Block, blocks
from tests.documents.shell import environment
from tests.environments import Environment, closure, run, wheels

PLUGINS = "docs/plugins.md"
PERMISSIONS = {
    "filter_words": ["messages"], "transport_unix": ["network", "node_key"], "store_memory": ["store"],
}  # fmt: skip

pytestmark = pytest.mark.timeout(240)  # on cores that others use as well; alone it takes half a minute


def place_of(block: Block) -> PurePath | None:
    """The kind of plugin that a block is a file of, and its path there; the line before the block says it."""
    before = (ROOT / PLUGINS).read_text().splitlines()[block.line - 2]
    found = re.fullmatch(r"<!-- mepassad/scaffold/(\S+) -->", before)
    return PurePath(found[1]) if found else None


def files(kind: str) -> dict[str, str]:
    """The files of a plugin, as the document shows them."""
    shown = [(place_of(block), block) for block in blocks(PLUGINS)]
    return {str(place.relative_to(kind)): block.text for place, block in shown if place and place.parts[0] == kind}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short path: a socket's has 107 bytes. Each plugin of the document lies in it."""
    folder = tmp_path_factory.mktemp("p")
    for kind in EXAMPLES:
        for path, text in files(kind).items():
            (folder / kind / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / kind / path).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def python(folder: Path) -> Path:
    """The Python of an environment with mepassad, its extra `testing`, and nothing else but what builds distributions.

    Its `pip` asks no index, and takes what a distribution requires for installed.
    """
    env = Environment(folder / "venv")
    (core,) = env.install(*wheels(folder / "wheels", ROOT))
    env.lend(closure([*(core.requires or ()), *extra(core, "testing"), "editables", "hatchling"]), folder / "lent")
    pip = f"{sys.executable} -m pip --quiet --disable-pip-version-check --python {env.python}"
    commands = {
        "pip": f'test "$1" = install && shift && exec {pip} install --no-index --no-deps --no-build-isolation "$@"',
        "pytest": f'exec {env.python} -m pytest -p no:cacheprovider "$@"',
    }
    for name, line in commands.items():
        (env.python.parent / name).write_text(f"#!/bin/sh\n{line}\n")
        (env.python.parent / name).chmod(0o755)
    return env.python


def extra(core: Distribution, name: str) -> list[str]:
    requirements = map(Requirement, core.requires or ())
    return [one.name for one in requirements if one.marker and one.marker.evaluate({"extra": name})]


def typed(python: Path, block: str, cwd: Path, config: Path) -> str:
    """What a block shows where it is typed in a folder, each question answered by yes. It must not fail."""
    environ = environment(cwd, MEPASSAD_CONFIG=str(config), CI="true")
    environ["PATH"] = f"{python.parent}:{environ['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", block], cwd=cwd, env=environ, input="y\n", capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def passed(shown: str) -> int:
    """How many tests passed of those that a shell shows to have run; none was skipped."""
    found = re.search(r"^=+ (\d+) passed in ", shown, re.MULTILINE)
    assert found, shown
    return int(found[1])


@pytest.fixture(scope="module")
def shown(python: Path, folder: Path) -> Mapping[str, str]:
    """What the document's commands show for each plugin: it is installed then, tested, and turned on."""
    (commands,) = blocks(PLUGINS, "A filter", "sh")
    found = {}
    for kind, name in EXAMPLES.items():
        config = folder / f"{kind}.yaml"
        config.write_text("plugins: []  # none\n" + (store() if kind == "store" else ""))
        found[kind] = typed(python, commands.text.replace("filter_words", name), folder / kind, config)
    return found


def store() -> str:
    """What the document says to write for the store."""
    (block,) = blocks(PLUGINS, "A store", "yaml")
    return block.text


@pytest.mark.runs(PLUGINS, language="python")
@pytest.mark.runs(PLUGINS, language="toml")
@pytest.mark.runs(PLUGINS, language="markdown")
def test_the_document_shows_the_files_that_new_plugins_begin_with_and_no_others() -> None:
    text = (ROOT / PLUGINS).read_text()
    assert filled(text) == text, "stale, run `make gen`"
    for kind, name in EXAMPLES.items():
        assert files(kind) == sources(kind, name)


@pytest.mark.runs(PLUGINS, "A filter", "sh")
@pytest.mark.parametrize(("kind", "least"), [("filter", 30), ("transport", 30), ("store", 130)])
def test_a_plugin_of_the_document_passes_its_tests_and_is_turned_on(
    shown: Mapping[str, str], texts: list[str], folder: Path, kind: str, least: int
) -> None:
    assert passed(shown[kind]) >= least
    name = EXAMPLES[kind]
    config = (folder / f"{kind}.yaml").read_text()
    assert config.startswith(f"plugins: [{name}]  # none\n")
    assert parse_file(config, "config.yaml").plain()["permissions"] == {name: PERMISSIONS[name]}


@pytest.mark.runs(PLUGINS, "Writing a plugin", "sh")
def test_a_plugin_of_ones_own_begins_with_what_works(
    shown: Mapping[str, str], texts: list[str], python: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.touch()
    assert passed(typed(python, texts[0], tmp_path, config)) >= 30
    assert config.read_text() == "plugins: [curfew]\npermissions:\n  curfew: [messages]\n"
    assert "curfew  on  mepassad-curfew 0.1.0" in typed(python, "mepassad plugins", tmp_path, config)


@pytest.mark.runs(PLUGINS, language="yaml")
def test_the_configurations_of_the_document_are_right(
    shown: Mapping[str, str], texts: list[str], python: Path, tmp_path: Path
) -> None:
    of_filter, of_store = texts
    config = tmp_path / "config.yaml"
    on = "plugins: [store_memory]\npermissions: {store_memory: [store]}\n"
    for text in (of_filter, on + of_store):
        config.write_text(text)
        assert "The configuration is right" in typed(python, "mepassad check-config", tmp_path, config)


def test_all_that_plugins_are_tested_with_needs_only_the_extra(python: Path) -> None:
    code = (
        "import importlib, pkgutil, mepassad.testing as testing\n"
        "names = [one.name for one in pkgutil.iter_modules(testing.__path__)]\n"
        "for name in names: importlib.import_module(f'mepassad.testing.{name}')\n"
        "print(len(names))"
    )
    assert int(run(python, "-c", code, cwd=Path("/")).stdout) > 15


async def test_nodes_with_the_three_plugins_chat(shown: Mapping[str, str], python: Path, folder: Path) -> None:
    (of_filter, of_store) = (parse_file(one.text, "").plain() for one in blocks(PLUGINS, language="yaml"))
    sections: dict[str, Any] = {
        **of_filter, **of_store, "plugins": list(PERMISSIONS), "permissions": PERMISSIONS,
        "transport_unix": {"folder": str(folder / "sockets")},
    }  # fmt: skip
    with Fleet(folder) as fleet:
        ana, bruno = [fleet.daemon(name, **sections) for name in ("ana", "bruno")]
        await started(python, ana, bruno)
        async with ana.session() as of_ana, bruno.session() as of_bruno:
            (address,) = (await of_ana.call("identity.show"))["addresses"]
            assert address.startswith("/unix/")
            bruno_id, ana_id = await befriend(of_ana, of_bruno)
            sent = await of_ana.call("messages.send", contact=bruno_id, text="olá")
            assert (await reaches(of_ana, sent["message_id"], "delivered"))["route"] == "direct"
            with pytest.raises(RpcError, match="Not sent: it holds a word of the list"):
                await of_bruno.call("messages.send", contact=ana_id, text="A LOTTERY!")
        assert not list(ana.data.rglob("node.db"))
        ana.kill()
        await started(python, ana)
        async with ana.session() as of_ana, bruno.session() as of_bruno:
            sent = await of_bruno.call("messages.send", contact=ana_id, text="de novo")
            await reaches(of_bruno, sent["message_id"], "delivered")
            assert await said(of_ana, bruno_id) == ["olá", "de novo"]


async def started(python: Path, *daemons: Daemon) -> None:
    """Start daemons in the environment."""
    for daemon in daemons:
        daemon.launch(str(python))
    for daemon in daemons:
        await anyio.to_thread.run_sync(daemon.wait_ready)
