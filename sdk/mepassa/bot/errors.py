"""What can go wrong with a bot itself; each message is a sentence for its author."""

from __future__ import annotations

from mepassa.errors import MepassaError


class InvalidBot(MepassaError):
    """The bot is not put together right: the sentence names the function and what it lacks."""


class BotNotLoaded(MepassaError):
    """There is no bot where one was looked for, or its code failed while it was read."""


class TooManyAnswers(MepassaError):
    """A handler gave more answers to one message than `Bot(max_answers=…)` allows."""


class HandlerQuit(MepassaError):
    """A function of the bot called `sys.exit`, or what it waited for was cancelled and it did not catch that. It ends
    that function, not the bot, nor the node in which the bot may live."""
