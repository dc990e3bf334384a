"""docs/hooks.md: its blocks are plugins, installed as it says, which one real node loads and uses all at once."""

from __future__ import annotations

import ast
import configparser
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mepassad.api.permissions import opens
from mepassad.testing.rpc_client import RpcError
from tests.daemon import MEPASSA, MEPASSAD, Daemon, Fleet, eventually, run
from tests.documents.blocks import ROOT, blocks

HOOKS = "docs/hooks.md"
CURFEW = ("register_config", "provide_filter", "register_methods", "register_commands")
PLUGINS = {
    "curfew": CURFEW,
    "olm": ("provide_crypto",),
    "my_store": ("provide_store",),
    "postbox": ("provide_mailbox",),
    "folder": ("provide_blobs",),
    "bluetooth": ("provide_transport",),
    "local_network": ("provide_directory",),
    "circuits": ("provide_relay",),
    "unified_push": ("provide_push",),
    "forwarder": ("provide_media",),
    "reader": ("provide_bot",),
}
"""Each plugin of the document, and the hooks whose sections are its source."""
MAY = {name: [may.name for hook in hooks if (may := opens(hook))] for name, hooks in PLUGINS.items()}
for each in ("bluetooth", "circuits"):
    MAY[each].append("node_key")
PLUGIN_GROUP, PERMISSION_GROUP = "mepassad.plugins", "mepassad.permissions"
AUTHORS = "from tests.documents.authors_parts import *\n"


def source(hooks: tuple[str, ...]) -> str:
    """The module of a plugin: the imports shown before, what its author writes, and the code of its sections."""
    found, imports = [], ""
    for block in blocks(HOOKS, language="python"):
        if block.text.endswith(":\n"):  # the bare line of a signature
            continue
        if block.heading in hooks:
            found.append(block.text)
        tree = ast.parse(block.text).body
        imports += "".join(f"{ast.unparse(one)}\n" for one in tree if isinstance(one, ast.Import | ast.ImportFrom))
        if len(found) == len(hooks):
            return "\n\n".join([imports, AUTHORS, *found])
    raise AssertionError(f"no code under one of {hooks}")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH with the plugins installed: `curfew` as the document says, the others beside it."""
    folder = tmp_path_factory.mktemp("installed")
    (toml,) = blocks(HOOKS, language="toml")
    curfew = tomllib.loads(toml.text)["project"]
    assert curfew["entry-points"][PLUGIN_GROUP].keys() == {"curfew"}
    points = {name: f"documented_{name}" for name in PLUGINS.keys() - {"curfew"}}
    permissions = {
        f"{name}.{permission}": f"mepassad.api.permissions:{permission}" for name in points for permission in MAY[name]
    }
    others = {"name": "others", "entry-points": {PLUGIN_GROUP: points, PERMISSION_GROUP: permissions}}
    for project in (curfew, others):
        install(folder, project)
    for name, module in (points | curfew["entry-points"][PLUGIN_GROUP]).items():
        file = folder / f"{module.replace('.', '/')}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(source(PLUGINS[name]))
    return folder


def install(folder: Path, project: Mapping[str, Any]) -> None:
    """Write what an installer keeps of the metadata of a distribution."""
    metadata = folder / f"{project['name'].replace('-', '_')}-1.0.dist-info"
    metadata.mkdir()
    requires = [f"Requires-Dist: {one}\n" for one in project.get("dependencies", ())]
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n"
    (metadata / "METADATA").write_text("".join([head, *requires]))
    groups = configparser.ConfigParser(delimiters="=")
    groups.optionxform = str  # type: ignore[assignment, method-assign]
    groups.read_dict(project["entry-points"])
    with (metadata / "entry_points.txt").open("w") as file:
        groups.write(file)


@pytest.fixture(scope="module")
def node(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A node with all of them, each given what its hooks need, on which it is always late."""
    chosen: Mapping[str, Any] = {
        "plugins": list(PLUGINS), "crypto": {"plugin": "olm"}, "store": {"plugin": "my_store"},
        "curfew": {"from_hour": 0}, "permissions": MAY, "roles": ["mailbox"], "mailbox": {"plugin": "postbox"},
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch, Fleet(tmp_path_factory.mktemp("h")) as fleet:
        patch.setenv("PYTHONPATH", f"{installed}{os.pathsep}{ROOT}")
        yield fleet.start("node", **chosen)[0]


@pytest.mark.runs(HOOKS)
async def test_a_node_runs_with_every_plugin_of_the_document(node: Daemon) -> None:
    async with node.session() as rpc:

        async def components() -> object:
            return (await rpc.call("system.stats"))["components"]

        expected = {
            "mailbox": ["postbox"], "blobs": ["folder"], "directory": ["local_network"], "relay": ["circuits"],
            "push": ["unified_push"], "media": ["forwarder"], "bot": ["reader"],
        }  # fmt: skip
        await eventually(components, lambda found: found == expected)
        (address,) = (await rpc.call("identity.show"))["addresses"]
        assert address.startswith("/memory/documents/p2p/")


async def test_the_curfew_refuses_counts_and_forgets(node: Daemon) -> None:
    async with node.session() as rpc:
        bia = (await rpc.call("accounts.create", name="Bia", kind="person"))["account"]
        uri = (await rpc.call("invites.create", account=bia))["uri"]
        await rpc.call("invites.accept", uri=uri)
        with pytest.raises(RpcError, match=r"Rejected: It is late; this can wait until tomorrow\."):
            await rpc.call("messages.send", contact=bia, text="boa noite")
    assert json.loads(asked(node, "curfew.status").stdout) == {"refused": 1}
    assert "Say that you are sure." in asked(node, "curfew.forget", '{"sure": false}').stderr
    assert asked(node, "curfew.forget", '{"sure": true}').returncode == 0
    assert json.loads(asked(node, "curfew.status").stdout) == {"refused": 0}


def asked(node: Daemon, *call: str) -> subprocess.CompletedProcess[str]:
    """Call a method from the command line."""
    return run(MEPASSA, "--socket", node.socket, "rpc", *call)


def test_the_curfew_has_a_command_and_a_section_that_is_checked(node: Daemon) -> None:
    assert run(MEPASSAD, "--config", node.config_file, "curfew").stdout == "22:00 UTC\n"
    node.configure(curfew={"from_hour": 24})
    done = run(MEPASSAD, "--config", node.config_file, "check-config")
    assert done.returncode == 2
    assert "curfew.from_hour" in done.stderr


@pytest.mark.runs(HOOKS, language="python")
def test_each_section_implements_the_hook_that_it_shows_first() -> None:
    shown = {block.heading: block.text for block in blocks(HOOKS, language="python") if block.text.endswith(":\n")}
    for hook, line in shown.items():
        (wanted,) = ast.parse(f"{line}    ...\n").body
        code = ast.parse(source((hook,))).body
        found = [one for one in code if isinstance(one, ast.FunctionDef) and one.name == hook]
        assert [ast.unparse(one.args) for one in found] == [ast.unparse(wanted.args)]  # type: ignore[attr-defined]
    assert sorted(shown) == sorted(hook for hooks in PLUGINS.values() for hook in hooks)


def test_the_plugins_have_the_types_of_the_contracts(installed: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml", *installed.rglob("*.py")]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "MYPYPATH": str(installed)}, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
