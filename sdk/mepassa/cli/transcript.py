"""A conversation as lines: each message with a number to answer it by, states and routes as they come (sans-I/O)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from mepassa.cli import times
from mepassa.cli.i18n import _
from mepassa.cli.words import route_word, state_word
from mepassa.text import cut, visible, wrapped

INDENT = "    "
QUOTED = 30  # columns of a message that is answered, where it has no number
NAME = 24  # columns of a name


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A message to show. `state` and `route` are those of one's own; `reply_to` is the text of what it answers."""

    message_id: str
    incoming: bool
    text: str
    time: datetime
    state: str | None = None
    route: str | None = None
    reply_to: str | None = None
    quoted: str | None = None

    def __repr__(self) -> str:
        return f"Said({self.message_id})"


class Transcript:
    """The numbers that messages were given, in the order in which they were shown."""

    def __init__(self, name: str) -> None:
        """`name`: how to call the contact, safe to show."""
        self.name = name
        self._ids: list[str] = []
        self._numbers: dict[str, int] = {}
        self._day = ""

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._numbers

    def number(self, message_id: str) -> int | None:
        """The number that a message has, if it was shown."""
        return self._numbers.get(message_id)

    def message_id(self, number: int) -> str | None:
        """The message that has a number, if there is one."""
        return self._ids[number - 1] if 1 <= number <= len(self._ids) else None

    def lines(self, said: Said, columns: int | None) -> list[str]:
        """A message, on one line or in `columns`; before it the day, where it is another one."""
        if said.message_id not in self._numbers:
            self._ids.append(said.message_id)
            self._numbers[said.message_id] = len(self._ids)
        day = times.day(said.time)
        heading = [f"--- {day} ---"] if day != self._day else []
        self._day = day
        paragraphs = [visible(said.text)] if columns is None else [visible(one) for one in said.text.split("\n")]
        paragraphs[0] = self._head(said) + paragraphs[0]
        paragraphs[-1] += f" ({standing(said.state, said.route)})" if said.state else ""
        if columns is None:
            return heading + paragraphs
        first, *others = paragraphs
        return [
            *heading,
            *wrapped(first, columns, INDENT),
            *(f"{INDENT}{line}" for one in others for line in wrapped(one, columns - len(INDENT))),
        ]

    def _head(self, said: Said) -> str:
        who = cut(self.name, NAME) if said.incoming else _("you")
        answered = ""
        if said.reply_to is not None:
            number = self._numbers.get(said.reply_to)
            what = str(number) if number else f"“{cut(visible(said.quoted or '…'), QUOTED)}”"
            answered = " " + _("(to {what})").format(what=what)
        return f"[{self._numbers[said.message_id]}] {times.clock(said.time)} {who}{answered}: "


class Progress:
    """What became of one's own messages and was not told yet: the newest state of each."""

    def __init__(self) -> None:
        """There is nothing to tell."""
        self._news: dict[int, tuple[str, str | None]] = {}

    def note(self, number: int, state: str, route: str | None) -> None:
        """A message, by its number, is in another state."""
        self._news[number] = state, route

    def take(self) -> list[str]:
        """Lines that tell it, neighbours with the same news together; it is told then."""
        runs: list[tuple[list[int], tuple[str, str | None]]] = []
        for number in sorted(self._news):
            news = self._news[number]
            if runs and runs[-1][1] == news and runs[-1][0][-1] == number - 1:
                runs[-1][0].append(number)
            else:
                runs.append(([number], news))
        self._news.clear()
        return [f"{INDENT}[{_span(numbers)}] {standing(*news)}" for numbers, news in runs]


def standing(state: str, route: str | None) -> str:
    """`delivered, direct`."""
    return f"{state_word(state)}, {route_word(route)}" if route else state_word(state)


def notice(sentence: str, columns: int | None) -> list[str]:
    """What is told beside the messages."""
    return [f"* {sentence}"] if columns is None else wrapped(f"* {sentence}", columns, INDENT)


def _span(numbers: Sequence[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}–{numbers[-1]}"
