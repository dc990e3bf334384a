"""The way of a message in the log: one id at both ends, and nothing of what it says or to whom."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from mepassad import trail
from mepassad.bus import Fact
from mepassad.log import TextFormatter
from mepassad.testing.component import Lines
from mepassad.testing.nodes import Nodes

TEXT = "never in a log"


async def test_each_step_of_a_message_is_a_line_with_the_same_id_at_both_ends(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "mepassad")
    ana, bob = await nodes.pair()
    message = await ana.say(bob, TEXT)
    await nodes.in_time(lambda: bool(ana.facts("message.delivered")))
    written = [TextFormatter(tracebacks=False).format(record) for record in caplog.records]
    steps = [line.partition("trail: ")[2] for line in written if f"message={message.id}" in line]
    assert sorted(steps) == [
        f"a message was delivered message={message.id} route=direct",
        f"a message was received message={message.id}",
        f"a message was sent message={message.id} route=direct",
    ]
    assert not any(TEXT in line for line in written)
    assert not any(account in step for step in steps for account in (ana.account, bob.account))


def test_what_failed_is_told_to_an_operator_with_its_reason() -> None:
    log = Lines()
    receivers: list[Callable[[Fact], None]] = []

    class Heard:
        subscribe = receivers.append

    trail.follow(Heard, log)  # type: ignore[arg-type]
    receivers[0](
        Fact(1, "ana", "message.failed", {"message_id": "m1", "contact": "bob", "route": None, "reason": "late"})
    )
    receivers[0](Fact(2, "ana", "contact.added", {"contact": "bob"}))
    assert log.lines == [("info", "a message failed", {"message": "m1", "reason": "late"})]
