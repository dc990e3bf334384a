"""The three plugins of docs/plugins.md, out of the document into an environment of their own: tested there, and run."""

from __future__ import annotations

from importlib.metadata import Distribution
from pathlib import Path, PurePath

import anyio
import pytest
from packaging.requirements import Requirement

from mepassad.cli.new import EXAMPLES, sources
from mepassad.config.tree import parse_file
from mepassad.testing.rpc_client import RpcError
from scripts.plugin_files import DOCUMENT, blocks, filled
from tests.daemon import Daemon, Fleet, befriend, reaches, texts
from tests.environments import ROOT, Environment, closure, passed, run, wheels

SCAFFOLD = PurePath("mepassad/scaffold")

pytestmark = pytest.mark.timeout(240)  # on cores that others use as well; alone it takes half a minute


def files(kind: str) -> dict[str, str]:
    """The files of a plugin, as the document shows them."""
    shown = {PurePath(path).relative_to(SCAFFOLD): text for path, text in blocks(DOCUMENT.read_text("utf-8")).items()}
    return {str(path.relative_to(kind)): text for path, text in shown.items() if path.is_relative_to(kind)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each plugin of the document lies in an own folder."""
    folder = tmp_path_factory.mktemp("p")  # short: the path of a socket is limited
    for kind in EXAMPLES:
        for path, text in files(kind).items():
            (folder / kind / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / kind / path).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def python(folder: Path) -> Path:
    """The Python of an environment with mepassad, its extra `testing` and the plugins, and nothing else."""
    environment = Environment(folder / "venv")
    found = environment.install(*wheels(folder / "wheels", ROOT, *(folder / kind for kind in EXAMPLES)))
    (core,) = (one for one in found if one.name == "mepassad")
    environment.lend(closure([*(core.requires or ()), *extra(core, "testing")]), folder / "lent")
    return environment.python


def extra(core: Distribution, name: str) -> list[str]:
    requirements = map(Requirement, core.requires or ())
    return [one.name for one in requirements if one.marker and one.marker.evaluate({"extra": name})]


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_document_shows_the_files_that_a_new_plugin_begins_with_and_no_others(kind: str) -> None:
    assert filled(DOCUMENT.read_text("utf-8")) == DOCUMENT.read_text("utf-8"), "stale, run `make gen`"
    assert files(kind) == sources(kind, EXAMPLES[kind])


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_plugin_of_the_document_passes_its_tests(python: Path, folder: Path, kind: str) -> None:
    least = {"filter": 30, "transport": 30, "store": 130}
    assert passed(python, folder / kind / "tests") >= least[kind]


def test_all_that_plugins_are_tested_with_needs_only_the_extra(python: Path) -> None:
    code = (
        "import importlib, pkgutil, mepassad.testing as testing\n"
        "names = [one.name for one in pkgutil.iter_modules(testing.__path__)]\n"
        "for name in names: importlib.import_module(f'mepassad.testing.{name}')\n"
        "print(len(names))"
    )
    assert int(run(python, "-c", code, cwd=Path("/")).stdout) > 15


def turned_on(fleet: Fleet, python: Path, *names: str) -> list[Daemon]:
    """Daemons with the three plugins turned on, that run in the environment."""
    sections = {
        "plugins": [],
        "transport_unix": {"folder": str(fleet.folder / "sockets")},
        "store": {"plugin": "store_memory"},
        "filter_words": {"words": ["lottery"]},
    }
    daemons = [fleet.daemon(name, **sections) for name in names]
    for daemon in daemons:
        for plugin in ("store_memory", "transport_unix", "filter_words"):
            run(python, "-m", "mepassad", "--config", daemon.config_file, "plugin", "enable", "--yes", plugin)
        daemon.launch(str(python))
    for daemon in daemons:
        daemon.wait_ready()
    return daemons


async def test_nodes_with_the_plugins_of_the_document_chat(python: Path, folder: Path) -> None:
    with Fleet(folder) as fleet:
        ana, bruno = await anyio.to_thread.run_sync(turned_on, fleet, python, "ana", "bruno")
        assert parse_file(ana.config_file.read_text(), "config.yaml").plain()["permissions"] == {
            "store_memory": ["store"],
            "transport_unix": ["network", "node_key"],
            "filter_words": ["messages"],
        }
        async with ana.session() as of_ana, bruno.session() as of_bruno:
            addresses = (await of_ana.call("identity.show"))["addresses"]
            assert [address[:6] for address in addresses] == ["/unix/"]
            bruno_id, ana_id = await befriend(of_ana, of_bruno)
            sent = await of_ana.call("messages.send", contact=bruno_id, text="olá")
            assert (await reaches(of_ana, sent["message_id"], "delivered"))["route"] == "direct"
            with pytest.raises(RpcError, match="it holds a word of the list"):
                await of_bruno.call("messages.send", contact=ana_id, text="A LOTTERY!")
        assert not list(ana.data.rglob("node.db"))
        ana.kill()
        ana.launch(str(python))
        await anyio.to_thread.run_sync(ana.wait_ready)
        async with ana.session() as of_ana, bruno.session() as of_bruno:
            sent = await of_bruno.call("messages.send", contact=ana_id, text="de novo")
            await reaches(of_bruno, sent["message_id"], "delivered")
            assert await texts(of_ana, bruno_id) == ["olá", "de novo"]
