"""Components: what they are given, how their failures are told, and which ones are started again."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import Mock

import anyio
import pytest

from mepassad.api import Component, PluginContext, hookimpl
from mepassad.errors import AddressRefused, ComponentFailed, PluginBroken, PluginClash, PluginNotPermitted
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from tests.unit.plugins.installing import Site


class Plugin:
    """A plugin with one component, whose life a test writes."""

    def __init__(self, life: Callable[[PluginContext], AsyncIterator[Any]], hook: str = "provide_filter") -> None:
        component = asynccontextmanager(life)

        def provide(config: Any) -> Component[Any]:
            return component

        provide.__name__ = hook
        setattr(self, hook, hookimpl(provide))


async def failed(running: RunningNode) -> BaseException:
    with anyio.fail_after(30):
        await running.left.wait()
    assert running.failure is not None
    error, running.failure = running.failure, None
    return error


async def facts_kept(nodes: Nodes, name: str) -> list[dict[str, object]]:
    """What a node kept of its failures, seen once it is up again."""
    running = await nodes.start(name)
    return [fact.data for fact in await running.node.bus.replay(0, 100, ["plugin.failed"])]


async def test_a_component_is_given_its_name_folder_clock_key_and_a_durable_state(nodes: Nodes) -> None:
    given: list[PluginContext] = []
    counts: list[bytes | None] = []

    async def life(context: PluginContext) -> AsyncIterator[object]:
        given.append(context)
        assert context.state is not None
        counts.append(await context.state.get("count"))
        await context.state.set("count", b"1")
        yield object()

    nodes.plugins["counter"] = Plugin(life)
    await nodes.start("ana")
    await nodes.restart("ana")
    assert counts == [None, b"1"]
    first, second = given
    assert (first.name, first.clock) == ("counter", nodes.clock)
    assert first.data_dir == nodes.folder("ana") / "plugins" / "counter"
    assert len(first.node_key) == 32
    assert bytes(first.node_key) == bytes(second.node_key)
    assert bytes(first.node_key).hex() not in repr(first)
    assert repr(bytes(first.node_key)) not in repr(first)


CURIOUS = """
from contextlib import asynccontextmanager

@asynccontextmanager
async def component(context):
    assert len(context.node_key) == 32
    yield object()

@hookimpl
def provide_filter(config):
    return component
"""


async def test_the_key_of_the_node_is_for_plugins_with_its_permission_only(nodes: Nodes, site: Site) -> None:
    site.install("modest", CURIOUS, permissions=["messages"])
    site.install("curious", CURIOUS, permissions=["messages", "node_key"])
    given = "{modest: [messages, node_key], curious: [messages, node_key]}"
    await nodes.start("ana", plugins="[transport_memory, curious]", permissions=given)
    with pytest.raises(PluginNotPermitted, match="The plugin 'modest' uses the key of the node, and"):
        await nodes.start("bob", plugins="[transport_memory, modest]", permissions=given)


async def test_two_plugins_do_not_see_each_others_state(nodes: Nodes) -> None:
    seen: dict[str, bytes | None] = {}

    async def life(context: PluginContext) -> AsyncIterator[object]:
        assert context.state is not None
        seen[context.name] = await context.state.get("key")
        await context.state.set("key", context.name.encode())
        yield object()

    nodes.plugins["one"], nodes.plugins["two"] = Plugin(life), Plugin(life)
    await nodes.start("ana")
    await nodes.restart("ana")
    assert seen == {"one": b"one", "two": b"two"}


async def test_a_required_component_that_dies_stops_the_node_and_that_is_a_fact(nodes: Nodes) -> None:
    async def life(context: PluginContext) -> AsyncIterator[object]:
        async def die() -> None:
            await context.clock.sleep(5)
            raise ZeroDivisionError("by zero")

        context.tasks.start_soon(die)
        yield object()

    nodes.plugins["mortal"] = Plugin(life)
    running = await nodes.start("ana")
    nodes.clock.advance(5)
    error = await failed(running)
    assert isinstance(error, ComponentFailed)
    assert error.data == {"plugin": "mortal", "reason": "ZeroDivisionError: by zero"}
    del nodes.plugins["mortal"]
    kept = await facts_kept(nodes, "ana")
    assert [(data["plugin"], data["reason"]) for data in kept] == [("mortal", "ZeroDivisionError: by zero")]


async def test_a_named_error_at_the_start_passes_as_it_is(nodes: Nodes) -> None:
    async def life(context: PluginContext) -> AsyncIterator[object]:
        raise AddressRefused("Port 80 is not for you.")
        yield

    nodes.plugins["greedy"] = Plugin(life)
    with pytest.raises(AddressRefused, match="Port 80"):
        await nodes.start("ana")


async def test_any_other_error_at_the_start_names_the_plugin(nodes: Nodes) -> None:
    async def life(context: PluginContext) -> AsyncIterator[object]:
        raise ZeroDivisionError("by zero")
        yield

    nodes.plugins["broken"] = Plugin(life)
    with pytest.raises(ComponentFailed, match="'broken' failed: ZeroDivisionError"):
        await nodes.start("ana")


async def test_a_hook_that_raises_names_the_plugin_and_the_hook(nodes: Nodes) -> None:
    class Broken:
        @hookimpl
        def provide_filter(self, config: Any) -> Component[Any]:
            raise ZeroDivisionError("by zero")

    nodes.plugins["broken"] = Broken()
    with pytest.raises(PluginBroken, match="'broken' failed in provide_filter: ZeroDivisionError"):
        await nodes.start("ana")


async def test_two_plugins_that_claim_the_store_are_an_error(nodes: Nodes) -> None:
    async def life(context: PluginContext) -> AsyncIterator[object]:
        yield object()

    nodes.plugins["usurper"] = Plugin(life, "provide_store")
    with pytest.raises(PluginClash, match=r"provide_store.*usurper|usurper.*provide_store"):
        await nodes.start("ana")


async def test_an_optional_component_that_dies_is_told_and_started_again_with_back_off(nodes: Nodes) -> None:
    starts: list[float] = []

    async def life(context: PluginContext) -> AsyncIterator[object]:
        async def die() -> None:
            raise ZeroDivisionError("by zero")

        starts.append(context.clock.monotonic())
        if len(starts) < 5:
            context.tasks.start_soon(die)
        yield "a push"

    nodes.plugins["mortal"] = Plugin(life, "provide_push")
    running = await nodes.start("ana")
    await nodes.in_time(lambda: len(starts) == 5, 0.25)
    assert starts == sorted(starts)
    pauses = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert pauses[-1] > 4 > pauses[0] >= 0.75
    assert [fact["plugin"] for fact in running.facts("plugin.failed")] == ["mortal"] * 4
    await eventually(lambda: running.node.stats()["components"] == {"push": ["mortal"]})


@pytest.mark.parametrize(
    "hook", ["provide_mailbox", "provide_blobs", "provide_relay", "provide_push", "provide_media", "provide_directory"]
)
async def test_an_optional_component_lives_as_long_as_the_node(nodes: Nodes, hook: str) -> None:
    order: list[str] = []

    async def life(context: PluginContext) -> AsyncIterator[object]:
        order.append("+")
        try:
            yield Mock(stats=dict)
        finally:
            order.append("-")

    nodes.plugins["extra"] = Plugin(life, hook)
    running = await nodes.start("ana")
    await eventually(lambda: running.node.stats()["components"] == {hook.removeprefix("provide_"): ["extra"]})
    await running.stop()
    assert order == ["+", "-"]


async def test_leaving_a_node_leaves_its_components_in_reverse(nodes: Nodes) -> None:
    order: list[str] = []

    async def life(context: PluginContext) -> AsyncIterator[object]:
        order.append(f"+{context.name}")
        yield object()
        order.append(f"-{context.name}")

    nodes.plugins["one"], nodes.plugins["two"] = Plugin(life), Plugin(life)
    running = await nodes.start("ana")
    await running.stop()
    assert order == ["+one", "+two", "-two", "-one"]
