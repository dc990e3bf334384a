"""What `system.stats` tells of the node's queues."""

from mepassad.api import Gauge
from mepassad.testing.nodes import Nodes, eventually

KINDS = (
    "rpc_calls", "rpc_unwritten", "rpc_behind", "lane_late", "link_unacked", "link_unacked_bytes", "link_arriving",
    "quarantine", "quarantine_bytes",
)  # fmt: skip


def test_a_gauge_shows_the_longest_queue_the_longest_ever_and_the_limit() -> None:
    lengths = [3, 5]
    gauge = Gauge(10, lambda: lengths)
    gauge.note(7)
    assert gauge.show("calls") == {"calls": 5, "calls_most": 7, "calls_limit": 10}
    lengths[:] = [9]
    assert gauge.show("calls") == {"calls": 9, "calls_most": 9, "calls_limit": 10}
    lengths.clear()
    assert gauge.show("calls") == {"calls": 0, "calls_most": 9, "calls_limit": 10}


async def test_stats_show_every_queue_with_its_length_its_most_and_its_limit(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(delivery__window=16, delivery__window_bytes=8192)
    await ana.say(bob, "hi")
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    stats = ana.node.stats()
    queues, store, transports = stats["queues"], stats["store"], stats["transports"]
    assert isinstance(queues, dict)
    assert isinstance(store, dict)
    assert isinstance(transports, dict)
    assert set(queues) == {f"{kind}{part}" for kind in KINDS for part in ("", "_most", "_limit")}
    assert (queues["link_unacked_most"], queues["link_unacked_limit"]) == (1, 16)
    assert queues["link_unacked_bytes_limit"] == 8192 > queues["link_unacked_bytes_most"] > 1000
    assert queues["link_arriving_most"] == 1
    assert (store["queued"], store["queued_limit"]) == (0, 4096)
    assert store["queued_most"] >= 1
    assert transports["memory"]["connections"] == 1
