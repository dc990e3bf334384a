"""The contract of filters: a filter that changes texts keeps it, and of wrong ones it tells what is wrong."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from msgspec.structs import replace

pytest.register_assert_rewrite("mepassad.testing.filter_contract")

from mepassad.api import PluginContext, Rejected  # noqa: E402
from mepassad.api.filters import Draft, MessageFilter  # noqa: E402
from mepassad.api.types import Message  # noqa: E402
from mepassad.testing.component import live  # noqa: E402
from mepassad.testing.filter_contract import KINDS, FilterContract  # noqa: E402

REFUSED = "a text that is refused"


class Polite:
    """Adds a word to each text; refuses one. What is wrong with it, a test replaces."""

    name = "polite"

    async def message_send(self, draft: Draft) -> Draft:
        return replace(draft, text=self.changed(draft.text))

    async def message_received(self, message: Message) -> Message:
        return replace(message, text=self.changed(message.text))

    def changed(self, text: str) -> str:
        if text == REFUSED:
            raise Rejected("This is not for you.")
        return f"{text}, please"


class PoliteContract(FilterContract):
    passes = "Come at nine"
    refuses = REFUSED

    def config(self) -> None:
        return None


@asynccontextmanager
async def polite(context: PluginContext) -> AsyncIterator[MessageFilter]:
    yield Polite()


class TestPolite(PoliteContract):
    component = staticmethod(polite)


class Wordy(Polite):
    def changed(self, text: str) -> str:
        if text == REFUSED:
            raise Rejected(f"I refuse: {text}.")
        return text


class Silent(Polite):
    def changed(self, text: str) -> str:
        if text == REFUSED:
            raise Rejected("no")
        return text


class Lenient(Polite):
    def changed(self, text: str) -> str:
        return text


class Blunt(Polite):
    def changed(self, text: str) -> str:
        return "" if text == PoliteContract.passes else super().changed(text)


class Surprised(Polite):
    def changed(self, text: str) -> str:
        text.encode("latin-1")
        return super().changed(text)


class Broken(Polite):
    def changed(self, text: str) -> str:
        return super().changed(text) + "\ud800" * ("👩" in text)


class Meddling(Polite):
    async def message_received(self, message: Message) -> Message:
        return replace(message, text=self.changed(message.text), contact=message.account)


class Forgetful(Polite):
    async def message_send(self, draft: Draft) -> Draft:
        return replace(draft, text=self.changed(draft.text), reply_to="")


class Mixed(Polite):
    last: Any = None

    async def message_send(self, draft: Draft) -> Draft:
        self.last = draft
        await anyio.lowlevel.checkpoint()
        return replace(self.last, text=self.changed(self.last.text))


class Sulking(Polite):
    sulks = False

    def changed(self, text: str) -> str:
        self.sulks = self.sulks or text == REFUSED
        if self.sulks:
            raise Rejected("Not any more.")
        return text


class Stuck(Polite):
    def __init__(self) -> None:
        self.lock = anyio.Semaphore(1)

    async def message_send(self, draft: Draft) -> Draft:
        await self.lock.acquire()
        await anyio.lowlevel.checkpoint()
        self.lock.release()
        return draft


class Once(Polite):
    folders: set[Path] = set()  # noqa: RUF012 (it is wrong, on purpose)

    def __init__(self, folder: Path) -> None:
        if folder in self.folders:
            raise ValueError("not again")
        self.folders.add(folder)


WRONG = {
    "a_refusal_is_a_sentence_without_the_text": [Wordy, Silent, Lenient],
    "what_passes_is_text_that_can_be_kept": [Blunt],
    "text_of_every_kind_passes_or_is_refused": [Surprised, Broken],
    "what_passes_keeps_everything_but_its_text": [Meddling, Forgetful],
    "messages_at_the_same_time_are_not_mixed_up": [Mixed],
    "a_refusal_changes_nothing_for_the_next_message": [Sulking],
    "a_call_that_is_cancelled_ends_and_leaves_the_filter_whole": [Stuck],
}


@pytest.mark.parametrize(("name", "wrong"), [(name, one) for name, every in WRONG.items() for one in every])
async def test_a_wrong_filter_fails_the_test_that_is_about_it(
    name: str, wrong: Callable[[], MessageFilter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mepassad.testing.filter_contract.TIMEOUT", 0.2)
    test = getattr(PoliteContract(), f"test_{name}")
    texts = [{"text": text} for text in KINDS] if "text" in inspect.signature(test).parameters else [{}]
    failed = 0
    for given in texts:
        async with live(_made(wrong), config=None, folder=tmp_path) as screen:
            try:
                await test(screen, **given)
            except (AssertionError, pytest.fail.Exception, TimeoutError, UnicodeError, Rejected):
                failed += 1
    assert failed


def _made(wrong: Callable[[], MessageFilter]) -> Callable[[PluginContext], AbstractAsyncContextManager[MessageFilter]]:
    @asynccontextmanager
    async def component(context: PluginContext) -> AsyncIterator[MessageFilter]:
        yield wrong()

    return component


async def test_a_filter_that_starts_only_once_fails(tmp_path: Path) -> None:
    class Contract(PoliteContract):
        @staticmethod
        @asynccontextmanager
        async def component(context: PluginContext) -> AsyncIterator[MessageFilter]:
            yield Once(context.data_dir)

    with pytest.RaisesGroup(ValueError, flatten_subgroups=True):
        await Contract().test_a_filter_that_was_left_starts_again_in_its_folder(tmp_path)
