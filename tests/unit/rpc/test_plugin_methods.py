"""Methods of plugins: the example of docs/hooks.md, which imports only `mepassad.api`, and what is refused."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy
import pytest

from mepassad.api import hookspecs
from mepassad.errors import PluginBroken, PluginClash
from mepassad.plugins import Catalogue, Plugins
from mepassad.rpc import markdown, openrpc
from mepassad.rpc.methods import ALL
from mepassad.rpc.registry import Registry
from mepassad.testing.nodes import Nodes
from mepassad.testing.rpc_client import connect

HOOKS = Path(__file__).parents[3] / "docs" / "hooks.md"


def example() -> str:
    """The code of the plugin that has methods, but for its command, and the imports shown before."""
    text = HOOKS.read_text(encoding="utf-8").partition("\n## register_commands\n")[0]
    imports = re.findall(r"^(?:from (?!mepassa )|import ).*\n", "".join(_code(text)), re.MULTILINE)
    sections = {part.partition("\n")[0]: part for part in text.split("\n## ")}
    hooks = ("register_config", "provide_filter", "register_methods")
    return "".join([*imports, *(part for hook in hooks for part in _code(sections[hook]))])


def _code(text: str) -> list[str]:
    """The blocks of Python in a text, but for signatures."""
    found = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for block in found if not block.endswith(":\n")]


@pytest.fixture
def curfew() -> Iterator[ModuleType]:
    """A plugin's module with the example in it."""
    module = ModuleType("made_up_curfew")
    sys.modules[module.__name__] = module
    exec(compile(example(), "hooks.md", "exec"), vars(module))
    yield module
    del sys.modules[module.__name__]


async def test_a_method_of_a_plugin_answers_over_the_socket(nodes: Nodes, curfew: ModuleType) -> None:
    nodes.plugins["curfew"] = curfew
    ana = await nodes.start("ana")
    curfew.late[ana.account] = 3

    async with connect(ana.node.config.rpc.socket) as client:

        async def ask(id: str, method: str, **params: Any) -> dict[str, Any]:
            await client.send({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
            await client.until(lambda: any(reply["id"] == id for reply in client.others))
            return next(reply for reply in client.others if reply["id"] == id)

        assert {"curfew.status", "curfew.forget"} <= set((await client.call("system.hello"))["methods"])
        assert (await ask("1", "curfew.status"))["result"] == {"refused": 3}
        assert (await ask("2", "curfew.forget"))["error"]["data"]["name"] == "InvalidParams"
        assert (await ask("3", "curfew.forget", sure=False))["error"]["message"] == "Say that you are sure."
        assert (await ask("4", "curfew.forget", sure=True, account=ana.account))["result"] == {}
        assert (await ask("5", "curfew.status"))["result"] == {"refused": 0}
        assert (await ask("6", "curfew.status", account="mp1none"))["error"]["data"]["name"] == "UnknownAccount"


def test_the_example_imports_of_mepassad_only_its_api() -> None:
    imported = [node.module or "" for node in ast.walk(ast.parse(example())) if isinstance(node, ast.ImportFrom)]
    ours = [name for name in imported if name.startswith("mepassad")]
    assert ours
    assert all(name == "mepassad.api" or name.startswith("mepassad.api.") for name in ours)


def test_methods_of_plugins_are_documented_like_the_cores(curfew: ModuleType) -> None:
    document = openrpc.document(Registry([*ALL, curfew.status, curfew.forget]))
    methods = {method["name"]: method for method in document["methods"]}
    assert methods["curfew.status"]["summary"] == "How many messages were refused because it was late."
    assert {param["name"] for param in methods["curfew.forget"]["params"]} == {"account", "sure"}
    assert {error["data"]["name"] for error in methods["curfew.forget"]["errors"]} == {
        "Rejected",
        "NoAccount",
        "UnknownAccount",
    }
    assert document["components"]["schemas"]["Status"]["properties"] == {"refused": {"type": "integer"}}
    assert "curfew.forget" in markdown.render(document)


def test_parameters_of_a_plugin_may_bear_the_name_of_the_cores(curfew: ModuleType) -> None:
    source = example().replace("ForgetParams", "SendParams").replace("Status", "Page")
    exec(compile(source, "hooks.md", "exec"), vars(curfew))
    document = openrpc.document(Registry([*ALL, curfew.status, curfew.forget]))
    methods = {method["name"]: method for method in document["methods"]}
    assert {param["name"] for param in methods["curfew.forget"]["params"]} == {"account", "sure"}
    assert "text" in {param["name"] for param in methods["messages.send"]["params"]}


def test_a_plugin_cannot_take_the_name_of_another_method(curfew: ModuleType) -> None:
    with pytest.raises(PluginClash, match=r"curfew\.status"):
        Registry([curfew.status, curfew.status])


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        ('"curfew.status"', '"system.status"', "should begin with 'curfew.'"),
        ("register(status)", "register(nothing)", "NameError"),
    ],
)
def test_a_plugin_whose_methods_are_wrong_is_named(curfew: ModuleType, right: str, wrong: str, reason: str) -> None:
    exec(compile(example().replace(right, wrong), "hooks.md", "exec"), vars(curfew))
    manager = pluggy.PluginManager("mepassad")
    manager.add_hookspecs(hookspecs)
    manager.register(curfew, "curfew")
    with pytest.raises(PluginBroken, match=reason) as caught:
        Plugins(manager, Catalogue([])).methods()
    assert caught.value.data["plugin"] == "curfew"
