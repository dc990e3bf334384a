"""Bots: handlers of messages, what they may ask for, and the engine that answers each message once."""

from mepassa.bot.account import AccountClient
from mepassa.bot.bot import Bot
from mepassa.bot.clock import Clock
from mepassa.bot.context import Context
from mepassa.bot.errors import BotNotLoaded, HandlerQuit, InvalidBot, TooManyAnswers
from mepassa.bot.filters import F
from mepassa.bot.folding import fold
from mepassa.bot.message import Message
from mepassa.bot.router import Router

__all__ = [
    "AccountClient",
    "Bot",
    "BotNotLoaded",
    "Clock",
    "Context",
    "F",
    "HandlerQuit",
    "InvalidBot",
    "Message",
    "Router",
    "TooManyAnswers",
    "fold",
]
