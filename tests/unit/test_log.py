"""The log: what a line holds, and what never gets into it."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from mepassad.api.types import PrivateKey, Secret
from mepassad.log import MAX_LINES, MAX_TEXT, Sparing, StructuredLog, set_up, shown


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("mepassad")
    before = (root.level, own.level, root.handlers[:])
    root.handlers = []  # pytest's own are not to be closed by `set_up`
    yield
    logging.captureWarnings(False)
    root.setLevel(before[0])
    own.setLevel(before[1])
    root.handlers = before[2]


def logged(level: str = "info", form: str = "text") -> io.StringIO:
    stream = io.StringIO()
    set_up(level, form, stream)
    return stream


def test_a_line_of_text_holds_time_level_speaker_event_and_facts() -> None:
    stream = logged()
    StructuredLog("delivery").info("packet sent", to="mp1abc", bytes=312, route=None, why="two words")
    time, rest = stream.getvalue().split(" ", 1)
    assert time.endswith("Z")
    assert rest == 'INFO delivery: packet sent to=mp1abc bytes=312 route=null why="two words"\n'


def test_a_line_of_json_holds_the_same() -> None:
    stream = logged(form="json")
    StructuredLog("delivery").warning("no answer", after=1.5, path=Path("/x"))
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "from": "delivery",
        "event": "no answer",
        "facts": {"after": 1.5, "path": "/x"},
    }


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_bytes_and_rows_never_show(form: str) -> None:
    stream = logged("debug", form)
    key = PrivateKey(account="mp1", id=1, kind="signed", secret=b"canary", public=b"canary", created_at=0)  # type: ignore[arg-type]
    log = StructuredLog("x")
    log.debug("a", secret=Secret(b"canary"), raw=b"canary", row=key, inside={"k": [b"canary", Secret(b"canary")]})
    log.error("b", error=ValueError(b"canary"))
    logging.getLogger("library").warning("got %r and %s of %d", b"canary", [b"canary"], 2)
    logging.getLogger("library").warning("got %(what)r", {"what": b"canary"})
    assert "canary" not in stream.getvalue()
    assert "<6 bytes>" in stream.getvalue()
    assert "<secret>" in stream.getvalue()


def test_an_event_below_the_level_is_not_shown() -> None:
    stream = logged("warning")
    StructuredLog("x").info("quiet")
    logging.getLogger("library").info("quiet")
    assert stream.getvalue() == ""


def test_a_librarys_traceback_is_one_line_unless_debugging() -> None:
    def fail() -> None:
        try:
            raise ExceptionGroup("several", [ValueError("first\nline"), KeyError("second")])
        except ExceptionGroup:
            logging.getLogger("library").exception("it broke")

    stream = logged()
    fail()
    assert stream.getvalue().count("\n") == 1
    assert "it broke exception=\"ValueError: first line; KeyError: 'second'\"" in stream.getvalue()
    for form in ("text", "json"):
        stream = logged("debug", form)
        fail()
        assert "Traceback" in stream.getvalue()


def test_nobody_outside_can_write_a_line_of_the_log() -> None:
    stream = logged()
    StructuredLog("x").info("hello\nERROR fake", name="a\n2027 ERROR fake\x1b[2J")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()


def test_a_long_fact_is_cut() -> None:
    assert shown("x" * MAX_TEXT) == "x" * MAX_TEXT
    assert shown("x" * (MAX_TEXT + 1)) == "x" * MAX_TEXT + "…"


def test_a_librarys_wrong_format_and_its_warnings_do_not_break_the_log() -> None:
    stream = logged()
    logging.getLogger("library").warning("%d things", "no")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("mind this", UserWarning, stacklevel=1)
    assert "%d things" in stream.getvalue()
    assert "mind this" in stream.getvalue()


def test_an_event_without_end_is_written_so_often_a_minute_and_others_as_before() -> None:
    stream = logged()
    log = StructuredLog("delivery")
    for number in range(MAX_LINES + 5):
        log.info("junk came", number=number)
        logging.getLogger("library").warning("junk number %d", number)
    log.info("a friend came")
    lines = stream.getvalue().splitlines()
    for event in ("junk came", "junk number"):
        of_it = [line for line in lines if event in line]
        assert len(of_it) == MAX_LINES
        assert [line for line in of_it if 'further="left out for a minute"' in line] == of_it[-1:]
    assert lines[-1].endswith("a friend came")


def test_an_event_is_written_again_after_a_minute() -> None:
    now = [0.0]
    sparing = Sparing(lambda: now[0])

    def passes() -> bool:
        return sparing.filter(logging.makeLogRecord({"name": "x", "lineno": 1}))

    assert [passes() for _ in range(MAX_LINES + 1)] == [True] * MAX_LINES + [False]
    now[0] = 59.9
    assert not passes()
    now[0] = 60.0
    assert passes()


def test_whoever_looks_for_a_bug_is_shown_every_line() -> None:
    stream = logged("debug")
    for _ in range(MAX_LINES + 5):
        StructuredLog("delivery").info("junk came")
    assert stream.getvalue().count("junk came") == MAX_LINES + 5
