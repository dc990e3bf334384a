"""What a node says of its mailboxes: whether each serves it, since when, what waits there, and if not, why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mepassad.delivery.mailbox_standing import Standing
from mepassad.delivery.passes import NOT_NAMED, NOT_TAKEN
from mepassad.errors import MailboxNotAdmitted, Unreachable
from mepassad.testing.clock import ManualClock
from mepassad.testing.nodes import Nodes, RunningNode
from tests.unit.delivery.mailboxed import leave_waiting, mailbox_node, with_mailboxes

NODE = "12D3KooWBox"


class Lines:
    """A log that keeps the levels of what it is told."""

    def __init__(self) -> None:
        self.levels: list[str] = []

    def __getattr__(self, level: str) -> Any:
        return lambda event, **facts: self.levels.append(level)


def test_what_only_a_person_can_mend_is_a_warning_once_until_all_is_well() -> None:
    lines, clock = Lines(), ManualClock()
    standing = Standing(NODE, clock, lines)  # type: ignore[arg-type]
    for _ in range(3):
        standing.failed("it was not reached", MailboxNotAdmitted(NOT_TAKEN))
    standing.failed("it was not reached", Unreachable())
    assert lines.levels == ["warning", "info", "info", "info"]
    standing.speaks()
    standing.serves()
    standing.failed("it is left", MailboxNotAdmitted(NOT_TAKEN))
    assert lines.levels[4:] == ["warning"]


def test_since_is_when_the_mailbox_began_to_serve_or_ceased_to() -> None:
    clock = ManualClock(1_800_000_000.0)
    standing = Standing(NODE, clock, Lines())  # type: ignore[arg-type]
    clock.advance(60)
    standing.ended()
    assert standing.stats() == {"connected": False, "since": "2027-01-15T08:00:00Z", "reason": ""}
    standing.speaks()
    clock.advance(60)
    assert standing.stats() == {"connected": True, "since": "2027-01-15T08:01:00Z", "reason": ""}


def shown(running: RunningNode, box: RunningNode) -> dict[str, Any]:
    """What `system.stats` says of a mailbox."""
    nodes: Any = running.core.mailboxes.stats()["nodes"]
    return dict(nodes[box.node_id])


async def test_it_says_how_many_boxes_wait_and_that_they_are_empty(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await leave_waiting(nodes, ana, bob, "bob", "bom dia", box)
    bob = await nodes.start("bob")
    failing = True
    arrived = bob.core.inbox.arrived

    async def fails(*arguments: Any) -> None:
        if failing:
            raise RuntimeError
        await arrived(*arguments)

    monkeypatch.setattr(bob.core.inbox, "arrived", fails)
    await nodes.in_time(lambda: shown(bob, box)["waiting"] == 1 and shown(bob, box)["boxes"] > 1, 0.5)
    assert shown(bob, box)["connected"]
    failing = False
    await nodes.in_time(lambda: bob.texts() == ["bom dia"] and not shown(bob, box)["waiting"], 5)


@pytest.mark.parametrize(("own", "told"), [(b"another horse battery", NOT_TAKEN), (None, NOT_NAMED)])
async def test_a_pass_that_is_wrong_or_missing_is_told_with_its_cure(
    nodes: Nodes, tmp_path: Path, own: bytes | None, told: str
) -> None:
    right = tmp_path / "right"
    right.touch(0o600)
    right.write_bytes(b"correct horse battery")
    box = await nodes.start("box", roles="[mailbox]", mailbox__admit="pass", mailbox__pass_file=right)
    await box.node.supervisor.until_up("mailbox")
    mine: dict[str, Any] = {}
    if own is not None:
        mine["pass_file"] = tmp_path / "wrong"
        mine["pass_file"].touch(0o600)
        mine["pass_file"].write_bytes(own)
    ana = await nodes.start("ana", mailboxes=f"[{', '.join(box.node.addresses())}]", **mine)
    await nodes.in_time(lambda: shown(ana, box)["reason"] == told, 0.5)
    assert not shown(ana, box)["connected"]
    if own is not None:
        assert box.node.roles.passes()["refused"] > 0
