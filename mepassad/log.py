"""The log: one line an event on standard error, as text or JSON, from which bytes and secrets are kept out."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from pathlib import PurePath
from typing import Any, TextIO

from mepassad.api.types import Secret
from mepassad.visible import visible

ROOT = "mepassad"
MAX_TEXT = 1000  # characters shown of one fact
MAX_ITEMS = 20  # items shown of one list or mapping
MAX_LINES = 20  # lines of one event that are written in a minute, unless at `debug`
_PLAIN = re.compile(r"[\w./:@+-]+")


class StructuredLog:
    """An event sentence and its facts by name. Implements `mepassad.api.context.Log`."""

    def __init__(self, name: str) -> None:
        """`name` is the part of the node that speaks, such as `delivery` or a plugin's name."""
        self._logger = logging.getLogger(f"{ROOT}.{name}")

    def debug(self, event: str, **facts: object) -> None:
        """For the one who looks for a bug."""
        self._log(logging.DEBUG, event, facts)

    def info(self, event: str, **facts: object) -> None:
        """Something that an operator may want to have seen."""
        self._log(logging.INFO, event, facts)

    def warning(self, event: str, **facts: object) -> None:
        """Something went wrong; the node copes."""
        self._log(logging.WARNING, event, facts)

    def error(self, event: str, **facts: object) -> None:
        """Something went wrong that needs an operator."""
        self._log(logging.ERROR, event, facts)

    def _log(self, level: int, event: str, facts: Mapping[str, object]) -> None:
        self._logger.log(level, "%s", event, extra={"facts": facts})


def set_up(level: str, form: str, stream: TextIO | None = None) -> None:
    """Send everything logged in this process to `stream` (standard error), in `text` or `json`.

    `level` is that of the node's own events; libraries are heard from `warning` on. At `debug` all is heard, else no
    more than `MAX_LINES` of one event a minute.
    """
    debug = level == "debug"
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter((JsonFormatter if form == "json" else TextFormatter)(tracebacks=debug))
    if not debug:
        handler.addFilter(Sparing())
    logging.basicConfig(handlers=[handler], level=logging.DEBUG if debug else logging.WARNING, force=True)
    logging.getLogger(ROOT).setLevel(level.upper())
    logging.captureWarnings(True)


class Sparing(logging.Filter):
    """Lets `MAX_LINES` of one event pass a minute, so that nobody fills the disk by what they send us."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """`now`: seconds of a clock that never goes back."""
        super().__init__()
        self._now, self._minute = now, now()
        self._passed: Counter[tuple[str, object]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write this line; the last one of its minute says that there will be no further ones."""
        if self._now() - self._minute >= 60:
            self._minute = self._now()
            self._passed.clear()
        own = hasattr(record, "facts")  # a library's events are told by the line that logs them
        key = (record.name, record.args if own else record.lineno)
        self._passed[key] += 1
        if self._passed[key] == MAX_LINES:
            record.facts = {**getattr(record, "facts", {}), "further": "left out for a minute"}
        return self._passed[key] <= MAX_LINES


class TextFormatter(logging.Formatter):
    """`2027-03-01T12:00:00.000Z INFO delivery: packet sent contact=mp1… bytes=312`."""

    def __init__(self, *, tracebacks: bool) -> None:
        """`tracebacks`: show an exception's whole traceback instead of its one line."""
        super().__init__()
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """One line, and a traceback below it if those are wanted."""
        event, facts = _parts(record)
        words = [_time(record), record.levelname, f"{_speaker(record)}:", visible(event, " ")]
        words += [f"{name}={_word(value)}" for name, value in facts.items()]
        line = " ".join(words)
        return f"{line}\n{self.formatException(record.exc_info)}" if self._tracebacks and record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `from`, `event`, `facts`."""

    def __init__(self, *, tracebacks: bool) -> None:
        """`tracebacks`: add an exception's whole traceback."""
        super().__init__()
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        event, facts = _parts(record)
        line: dict[str, Any] = {"time": _time(record), "level": record.levelname.lower(), "from": _speaker(record)}
        line |= {"event": event} | ({"facts": facts} if facts else {})
        if self._tracebacks and record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def shown(value: object, depth: int = 3) -> Any:
    """What a log may say of a value: plain data as it is, bytes by their number, anything else by its type."""
    if isinstance(value, Secret):
        return "<secret>"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, str | PurePath):
        return _cut(str(value))
    if isinstance(value, BaseException):
        return _cut(_exception(value))
    if depth and isinstance(value, Mapping):
        return {str(shown(key)): shown(item, depth - 1) for key, item in list(value.items())[:MAX_ITEMS]}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [shown(item, depth - 1) for item in list(value)[:MAX_ITEMS]]
    return f"<{type(value).__name__}>"


def _parts(record: logging.LogRecord) -> tuple[str, dict[str, Any]]:
    """The event and its facts. A library's arguments are screened as facts are; its exception becomes a fact."""
    args: Any = record.args
    if isinstance(args, Mapping):
        args = {name: _argument(value) for name, value in args.items()}
    elif args:
        args = tuple(_argument(value) for value in args)
    try:
        event = str(record.msg) % args if args else str(record.msg)
    except (TypeError, ValueError, KeyError):
        event = str(record.msg)
    facts = {name: shown(value) for name, value in getattr(record, "facts", {}).items()}
    if record.exc_info and record.exc_info[1]:
        facts["exception"] = shown(record.exc_info[1])
    return _cut(event), facts


def _argument(value: object) -> object:
    """A library's argument: a number stays one for `%d`; of other objects their own text, but never bytes."""
    if isinstance(value, int | float):
        return value
    seen = shown(value)
    return str(value) if isinstance(seen, str) and seen == f"<{type(value).__name__}>" else str(seen)


def _exception(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_exception(inner) for inner in error.exceptions[:MAX_ITEMS])
    text = "<bytes>" if any(isinstance(arg, bytes) for arg in error.args) else visible(str(error), " ")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _speaker(record: logging.LogRecord) -> str:
    return record.name.removeprefix(f"{ROOT}.")


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def _word(value: Any) -> str:
    if isinstance(value, str) and (_PLAIN.fullmatch(value) or (value.startswith("<") and value.endswith(">"))):
        return value
    return visible(json.dumps(value, ensure_ascii=False), " ")
