"""The hooks of the plugin `filter_words`, and its section of config.yaml."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import msgspec
from mepassad.api import Component, ConfigRegister, PluginContext, Rejected, hookimpl
from mepassad.api.filters import Draft, MessageFilter
from mepassad.api.types import Message


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section `filter_words`."""

    words: Annotated[tuple[str, ...], msgspec.Meta(description="Words that no message may hold.")] = ()

    def __post_init__(self) -> None:
        for word in self.words:
            if len(words_of(word)) != 1:
                raise ValueError(f"words: {word!r} is not one word")


class WordFilter:
    """Refuses texts with a listed word. Implements `mepassad.api.filters.MessageFilter`."""

    name = "filter_words"

    def __init__(self, listed: Iterable[str]) -> None:
        self._listed = frozenset(word for text in listed for word in words_of(text))

    async def message_send(self, draft: Draft) -> Draft:
        if self._holds_one(draft.text):
            raise Rejected("Not sent: it holds a word of the list `filter_words.words`.")
        return draft

    async def message_received(self, message: Message) -> Message:
        if self._holds_one(message.text):
            raise Rejected("It holds a word of the list `filter_words.words`.")
        return message

    def _holds_one(self, text: str) -> bool:
        return not self._listed.isdisjoint(words_of(text))


def words_of(text: str) -> set[str]:
    """The words of a text, without what makes no difference: case, accents, and characters that nobody sees."""
    plain = "".join(
        char for char in unicodedata.normalize("NFKD", text) if unicodedata.category(char) not in ("Mn", "Cf")
    )
    return set(re.findall(r"\w+", plain.casefold()))


@asynccontextmanager
async def component(context: PluginContext) -> AsyncIterator[MessageFilter]:
    """The filter, with the words of the configuration."""
    yield WordFilter(context.config.words)


@hookimpl
def register_config(register: ConfigRegister) -> None:
    """Give the section its type."""
    register("filter_words", Config)


@hookimpl
def provide_filter(config: Any) -> Component[MessageFilter]:
    """The filter, whatever the rest of the configuration says."""
    return component
