"""What all messages of one run of a bot share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mepassa.bot.clock import Clock
from mepassa.bot.node import Node
from mepassa.bot.pace import Pace


def unheard(error: Exception) -> None:
    """What is done about a failure beside the line in the log: nothing."""


@dataclass(frozen=True)
class Desk:
    """The node, the clock and the limits. `answered` is called when a handler, which is still at work, answers;
    `failed` with a failure that no error handler caught."""

    bot: str
    node: Node
    clock: Clock
    pace: Pace
    max_answers: int
    answered: Callable[[], None]
    failed: Callable[[Exception], None]
