"""What is wrong in a configuration, and where: the sentences that a user reads."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mepassad.errors import ConfigError
from mepassad.i18n import _

MAX_SHOWN = 50  # problems in one error; a file with more is not a configuration
_MAX_LINE = 160  # characters of a source line that are worth showing


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value or a key stands: a file with line and column (from 1), or an environment variable."""

    name: str
    line: int = 0
    column: int = 0
    source: str = ""

    @property
    def origin(self) -> str:
        """The place as `mepassad config show` names it."""
        return f"{self.name}:{self.line}" if self.line else f"environment: {self.name}"

    def __str__(self) -> str:
        return f"{self.name}:{self.line}:{self.column}" if self.line else self.name

    def pointed(self) -> str:
        """The source line with a caret under the column; empty for a variable."""
        if not self.source or self.column > _MAX_LINE:
            return ""
        line = self.source[:_MAX_LINE].replace("\t", " ")
        return f"\n    {line}\n    {' ' * (self.column - 1)}^"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `key` is dotted, empty for the whole; `place` is None for a default."""

    place: Place | None
    key: str
    text: str

    def __str__(self) -> str:
        head = ": ".join(part for part in (str(self.place or ""), self.key, self.text) if part)
        return head + (self.place.pointed() if self.place else "")


def close(word: str, known: Iterable[str]) -> str:
    """The known word that an unknown one is likely to be meant for; empty if there is none."""
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)), "")


def nearest(word: str, known: Iterable[str]) -> str:
    """The tail of a sentence about an unknown word: the likely right one, or all that there are."""
    names = sorted(known)
    if found := close(word, names):
        return " — " + _("did you mean '{name}'?").format(name=found)
    return " — " + _("known here: {names}").format(names=", ".join(names)) if names else ""


def mixed_up(path: Sequence[str]) -> str:
    """The other key that a value may have been meant for, as a question; empty where there is none."""
    meant: dict[tuple[str, ...], str] = {
        ("mailbox",): _("did you mean `mailboxes`, the nodes that keep what comes for this one?"),
        ("mailboxes",): _("did you mean `mailbox`, what this node keeps for others?"),
    }
    return meant.get(tuple(path), "")


def unknown_key(place: Place | None, path: Sequence[str], known: Iterable[str], inside: Iterable[str] = ()) -> Problem:
    """An unknown last key of `path`, with the nearest right one. `inside`: dotted keys of this name in sections."""
    if homes := sorted(inside):
        tail = " — " + _("did you mean {keys}?").format(keys=", ".join(map(repr, homes)))
    else:
        tail = nearest(path[-1], known)
    return Problem(place, ".".join(path), _("unknown key {key}").format(key=repr(path[-1])) + tail)


def as_error(problems: Sequence[Problem]) -> ConfigError:
    """All problems as one error, in the order in which they stand in the file."""
    ordered = sorted(problems, key=lambda p: (p.place is None, p.place.line if p.place else 0))
    lines = [str(problem) for problem in ordered[:MAX_SHOWN]]
    if len(ordered) > MAX_SHOWN:
        lines.append(_("… and {count} more").format(count=len(ordered) - MAX_SHOWN))
    if len(ordered) > 1:
        lines.append(_("{count} errors in the configuration").format(count=len(ordered)))
    return ConfigError("\n".join(lines), problems=len(ordered))
