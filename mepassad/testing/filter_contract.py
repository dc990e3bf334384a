"""What every message filter must do: subclass `FilterContract` in a test module of your plugin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
import pytest
from msgspec.structs import replace

from mepassad.api import Component, Rejected
from mepassad.api.filters import Draft, MessageFilter
from mepassad.api.types import AccountId, Message
from mepassad.testing.component import live
from mepassad.testing.store_rows import ANA, RUI, a_message

TIMEOUT = 10.0
"""Seconds after which a test gives up waiting for a filter, which holds the message meanwhile."""

KINDS = (
    ".",
    "\0",
    "two\nlines\r\nand\ttabs",
    "olá, coração",
    "e\u0301\u0327 " * 50,
    "👩🏽‍🚀🇧🇷",
    "\u202eback\u202c \u2066to front\u2069",
    "zero\u200bwidth\ufeff",
    "\U0010ffff\ufffd",
    " \u3000 ",
    "<b>&amp;</b> {} %s \\ '\"",
    "long " * 12_000,
)
"""Texts that a filter must cope with, whatever it looks for."""


def a_draft(text: str, **changed: Any) -> Draft:
    """A text of Ana to Rui."""
    return Draft(**{"account": ANA, "contact": RUI, "text": text, "reply_to": "message-000009", **changed})


def both_ways(screen: MessageFilter, text: str) -> Sequence[Callable[[], Awaitable[Draft | Message]]]:
    """A text that is sent, and one that is received."""
    return (
        lambda: screen.message_send(a_draft(text)),
        lambda: screen.message_received(a_message(1, text=text)),
    )


class FilterContract:
    """The suite. A subclass says which component makes the filter, with which configuration, and what it lets pass."""

    component: Component[MessageFilter]
    passes: str
    """A text that the filter lets pass on both ways, changed or not."""

    refuses: str | None = None
    """A text that it refuses on both ways; None where it refuses nothing."""

    def config(self) -> Any:
        """The plugin's configuration section."""
        raise NotImplementedError

    def start(self, folder: Path) -> AbstractAsyncContextManager[MessageFilter]:
        """The filter, while it lives."""
        return live(type(self).component, config=self.config(), folder=folder)

    @pytest.fixture
    async def screen(self, tmp_path: Path) -> AsyncIterator[MessageFilter]:
        """The filter of a test."""
        async with self.start(tmp_path) as screen:
            yield screen

    async def test_a_filter_has_a_name(self, screen: MessageFilter) -> None:
        assert screen.name

    async def test_what_passes_keeps_everything_but_its_text(self, screen: MessageFilter) -> None:
        draft, message = a_draft(self.passes), a_message(1, text=self.passes, reply_to="message-000009")
        sent, received = await screen.message_send(draft), await screen.message_received(message)
        assert replace(sent, text=draft.text) == draft
        assert replace(received, text=message.text) == message

    async def test_what_passes_is_text_that_can_be_kept(self, screen: MessageFilter) -> None:
        sent = await screen.message_send(a_draft(self.passes))
        received = await screen.message_received(a_message(1, text=self.passes))
        for text in (sent.text, received.text):
            assert text.strip()
            assert text.encode("utf-8")

    async def test_a_refusal_is_a_sentence_without_the_text(self, screen: MessageFilter) -> None:
        if self.refuses is None:
            pytest.skip("this filter refuses nothing")
        for call in both_ways(screen, self.refuses):
            with pytest.raises(Rejected) as caught:
                await call()
            sentence = caught.value.sentence
            assert sentence[0].isupper()
            assert sentence[-1] in ".!?"
            assert "\n" not in sentence
            assert self.refuses not in sentence

    @pytest.mark.parametrize("text", KINDS, ids=range(len(KINDS)))
    async def test_text_of_every_kind_passes_or_is_refused(self, screen: MessageFilter, text: str) -> None:
        for call in both_ways(screen, text):
            try:
                with anyio.fail_after(TIMEOUT):
                    passed = await call()
            except Rejected:
                continue
            assert passed.text.encode("utf-8")

    async def test_messages_at_the_same_time_are_not_mixed_up(self, screen: MessageFilter) -> None:
        contacts = [AccountId(f"mp1contact{number}") for number in range(20)]
        sent: dict[AccountId, Draft] = {}
        received: dict[AccountId, Message] = {}

        async def send(contact: AccountId) -> None:
            sent[contact] = await screen.message_send(a_draft(self.passes, contact=contact))

        async def receive(contact: AccountId) -> None:
            received[contact] = await screen.message_received(a_message(1, contact=contact, text=self.passes))

        with anyio.fail_after(TIMEOUT):
            async with anyio.create_task_group() as tasks:
                for contact in contacts:
                    tasks.start_soon(send, contact)
                    tasks.start_soon(receive, contact)
        assert [sent[contact].contact for contact in contacts] == contacts
        assert [received[contact].contact for contact in contacts] == contacts

    async def test_a_refusal_changes_nothing_for_the_next_message(self, screen: MessageFilter) -> None:
        if self.refuses is None:
            pytest.skip("this filter refuses nothing")
        expected = await screen.message_send(a_draft(self.passes))
        for _ in range(3):
            with pytest.raises(Rejected):
                await screen.message_received(a_message(1, text=self.refuses))
        assert await screen.message_send(a_draft(self.passes)) == expected

    async def test_a_call_that_is_cancelled_ends_and_leaves_the_filter_whole(self, screen: MessageFilter) -> None:
        expected = await screen.message_send(a_draft(self.passes))
        for turns in range(3):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(screen.message_send, a_draft(self.passes))
                tasks.start_soon(screen.message_received, a_message(1, text=self.passes))
                for _ in range(turns):
                    await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
        with anyio.fail_after(TIMEOUT):
            assert await screen.message_send(a_draft(self.passes)) == expected

    async def test_a_filter_that_was_left_starts_again_in_its_folder(self, tmp_path: Path) -> None:
        for _ in range(2):
            async with self.start(tmp_path) as screen:
                assert await screen.message_send(a_draft(self.passes))
