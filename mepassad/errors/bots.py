"""Errors of bots and of what the node keeps for them: 2100 to 2199."""

from __future__ import annotations

from mepassad.errors.base import MepassaError


class AlreadyAnswered(MepassaError):
    """Another run of this bot has dealt with that event; nothing was kept or sent."""

    code = 2100


class StateTooLarge(MepassaError):
    """What the bot keeps about this conversation is larger than `rpc.max_state` allows."""

    code = 2101
