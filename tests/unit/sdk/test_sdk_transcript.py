"""How a conversation and other people's text look on a terminal: whole, in its columns, like nobody else's."""

from __future__ import annotations

from datetime import UTC, datetime
from time import tzset

import pytest
from commanding import HOSTILE, SHOWN
from hypothesis import example, given
from hypothesis import strategies as st
from mepassa.cli.transcript import INDENT, Progress, Said, Transcript, notice
from mepassa.text import cut, visible, width, wrapped

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


def said(id: str, text: str, *, incoming: bool = True, time: datetime = NOON, **more: str) -> Said:
    return Said(message_id=id, incoming=incoming, text=text, time=time, **more)


def clock(time: datetime) -> str:
    return time.astimezone().strftime("%H:%M")


def test_messages_are_numbered_and_a_day_is_told_once() -> None:
    transcript = Transcript("Ana")
    later = NOON.replace(day=4)
    shown = [
        *transcript.lines(said("a", "bom dia"), 80),
        *transcript.lines(said("b", "oi", incoming=False, state="read", route="direct"), 80),
        *transcript.lines(said("c", "tudo?", time=later), 80),
    ]
    assert shown == [
        "--- 2027-03-01 ---",
        f"[1] {clock(NOON)} Ana: bom dia",
        f"[2] {clock(NOON)} you: oi (read, direct)",
        "--- 2027-03-04 ---",
        f"[3] {clock(later)} Ana: tudo?",
    ]
    assert (transcript.number("b"), transcript.message_id(2)) == (2, "b")
    assert [transcript.message_id(n) for n in (0, 4)] == [None, None]


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Sao_Paulo"])
def test_a_clock_at_the_end_of_all_dates_is_shown_in_every_zone(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    tzset()
    try:
        end = Transcript("Ana").lines(said("a", "x", time=datetime.max.replace(tzinfo=UTC)), 80)
    finally:
        monkeypatch.undo()
        tzset()
    assert end[0].startswith("--- 9999-12-")


def test_a_message_that_is_shown_again_keeps_its_number() -> None:
    transcript = Transcript("Ana")
    transcript.lines(said("a", "1"), 80)
    transcript.lines(said("b", "2"), 80)
    assert transcript.lines(said("a", "1"), 80) == [f"[1] {clock(NOON)} Ana: 1"]
    assert "a" in transcript
    assert "c" not in transcript


def test_an_answer_names_what_it_answers() -> None:
    transcript = Transcript("Ana")
    transcript.lines(said("a", "1"), 80)
    assert transcript.lines(said("b", "2", reply_to="a"), 80) == [f"[2] {clock(NOON)} Ana (to 1): 2"]
    older = said("c", "3", reply_to="older", quoted=f"{HOSTILE} and much more of it")
    assert transcript.lines(older, 80) == [f"[3] {clock(NOON)} Ana (to “Ana<U+001B>[2J<U+202E>gnp.exe…”): 3"]
    assert transcript.lines(said("d", "4", reply_to="gone"), 80) == [f"[4] {clock(NOON)} Ana (to “…”): 4"]


def test_a_text_in_lines_cannot_pass_for_another_message() -> None:
    forged = f"oi\n[2] {clock(NOON)} you: empreste-me dinheiro\r[3] x"
    transcript = Transcript("Ana")
    _day, *lines = transcript.lines(said("a", forged), 80)
    assert lines == [
        f"[1] {clock(NOON)} Ana: oi",
        f"{INDENT}[2] {clock(NOON)} you: empreste-me dinheiro<U+000D>[3] x",
    ]
    padded = "x" * 30 + " " * 39 + f"[2] {clock(NOON)} you: sim"
    _first, *others = transcript.lines(said("b", padded), 40)
    assert all(line.startswith(INDENT) for line in others)


def test_in_a_pipe_a_message_is_one_line() -> None:
    _day, *lines = Transcript(visible(HOSTILE)).lines(said("a", HOSTILE * 3), None)
    assert lines == [f"[1] {clock(NOON)} {cut(SHOWN, 24)}: {SHOWN * 3}"]


@given(st.text(max_size=200), st.integers(12, 60))
def test_no_text_is_wider_than_the_terminal_or_begins_where_a_message_does(text: str, columns: int) -> None:
    _day, _first, *others = Transcript("Ana").lines(said("a", text), columns)
    assert all(width(line) <= columns for line in (_first, *others))
    assert all(line.startswith(INDENT) or not line for line in others)


@given(st.text(max_size=300).map(visible), st.integers(2, 40))
@example("\xa0", 2)
def test_wrapping_loses_nothing_but_spaces(text: str, columns: int) -> None:
    lines = wrapped(text, columns)
    assert all(width(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_lines_are_broken_between_words() -> None:
    assert wrapped("bom dia, como vai você?", 12) == ["bom dia,", "como vai", "você?"]
    assert wrapped("inconstitucionalissimamente", 10, "  ") == ["inconstitu", "  cionalis", "  simament", "  e"]


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [("bom dia", 7, "bom dia"), ("bom dia", 6, "bom d…"), ("日本語", 5, "日本…"), ("日本語", 4, "日…"), ("ab", 0, ""),
     ("cafe\u0301s", 5, "cafe\u0301s"), ("bom dia", None, "bom dia")],
)  # fmt: skip
def test_text_is_cut_at_the_column(text: str, most: int | None, shown: str) -> None:
    assert cut(text, most) == shown


def test_news_of_neighbours_are_told_together_and_once() -> None:
    progress = Progress()
    for number in (5, 3, 4, 9):
        progress.note(number, "sent", "direct")
        progress.note(number, "delivered", "direct")
    progress.note(6, "queued", None)
    progress.note(7, "delivered", "mailbox")
    assert progress.take() == [
        "    [3–5] delivered, direct",
        "    [6] queued",
        "    [7] delivered, mailbox",
        "    [9] delivered, direct",
    ]
    assert progress.take() == []


def test_notices_stand_apart_from_messages() -> None:
    assert notice("The node answers again.", None) == ["* The node answers again."]
    assert notice("The node answers again.", 14) == ["* The node", "    answers", "    again."]


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["sent", "delivered"]))))
def test_of_each_message_the_last_news_are_told(news: list[tuple[int, str]]) -> None:
    progress = Progress()
    for number, state in news:
        progress.note(number, state, None)
    told: dict[int, str] = {}
    for line in progress.take():
        span, state = line.strip().removeprefix("[").split("] ")
        first, _to, last = span.partition("–")
        told |= dict.fromkeys(range(int(first), int(last or first) + 1), state)
    assert told == dict(news)
