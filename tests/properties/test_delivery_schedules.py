"""Whatever happens between two nodes, all that was sent is read once and in order when they can reach each other."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mepassad.testing.nodes import Nodes, RunningNode, eventually, living
from tests.examples import examples

WHO = st.sampled_from(["ana", "bob"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), WHO),
        st.tuples(st.just("burst"), WHO),
        st.tuples(st.just("restart"), WHO),
        st.tuples(st.just("settle"), WHO),
        st.tuples(st.just("cut"), WHO),
        st.tuples(st.just("heal"), WHO),
        st.tuples(st.just("advance"), st.sampled_from([0.5, 20.0, 1000.0, 86_400.0])),
        st.tuples(st.just("jump"), st.sampled_from([-90_000.0, 90_000.0])),
    ),
    max_size=25,
)
BURST = 12


class Run:
    """One schedule: what was sent by whom, and what its steps do."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self.sent: dict[str, list[str]] = {"ana": [], "bob": []}
        self.cut = False

    async def step(self, kind: str, value: str | float) -> None:
        if isinstance(value, float):
            (self.nodes.clock.advance if kind == "advance" else self.nodes.clock.jump)(value)
        elif kind == "restart":
            await self.nodes.restart(value)
        elif kind in ("cut", "heal"):
            (self.nodes.cut if kind == "cut" else self.nodes.heal)(*self.nodes.up.values())
        elif kind == "settle":
            await self.nodes.pass_by(0)
        else:
            await self.say(value, BURST if kind == "burst" else 1)

    async def say(self, who: str, count: int) -> None:
        me, other = self.nodes.up[who], self.nodes.up["bob" if who == "ana" else "ana"]
        for _ in range(count):
            text = f"{who} {len(self.sent[who])}"
            self.sent[who].append(text)
            await me.say(other, text)

    async def arrived(self) -> bool:
        """Let time go by, not so fast that a link seems dead, until nothing is owed any more."""
        await self.nodes.pass_by(20)
        ana, bob = self.nodes.up["ana"], self.nodes.up["bob"]
        return not await ana.owes(bob) and not await bob.owes(ana)


async def received(node: RunningNode) -> list[object]:
    """All texts that a node has received since its beginning, in the order of their facts."""
    facts = await node.node.bus.replay(0, 10_000, ["message.received"])
    return [fact.data["text"] for fact in facts]


async def states(node: RunningNode, other: RunningNode) -> list[str]:
    page = await node.node.store.messages(node.account, node.contact(other).conversation, 500, None)
    return [message.state for message in page.items if not message.incoming]


async def run(nodes: Nodes, steps: list[tuple[str, str | float]]) -> None:
    ana, bob = await nodes.pair(delivery__window=8)
    schedule = Run(nodes)
    for kind, value in steps:
        await schedule.step(kind, value)
    ana, bob = nodes.up["ana"], nodes.up["bob"]
    nodes.heal(ana, bob)
    await eventually(schedule.arrived)
    assert await received(bob) == schedule.sent["ana"]
    assert await received(ana) == schedule.sent["bob"]
    await eventually(lambda: _delivered(ana, bob, len(schedule.sent["ana"])))
    await eventually(lambda: _delivered(bob, ana, len(schedule.sent["bob"])))


async def _delivered(node: RunningNode, other: RunningNode, count: int) -> bool:
    return await states(node, other) == ["delivered"] * count


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_all_is_read_once_and_in_order_after_any_cuts_restarts_and_clocks(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str | float]]
) -> None:
    async def whole() -> None:
        async with living(tmp_path_factory.mktemp("run")) as nodes:
            await run(nodes, steps)

    anyio.run(whole)
