"""Filters: which messages a handler wants. They combine with `&`, `|` and `~`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NoReturn

from mepassa.bot.errors import InvalidBot
from mepassa.bot.folding import fold, places, without_accents

if TYPE_CHECKING:
    from mepassa.bot.context import Context

Groups = Mapping[str, str | None]
"""What a filter found in a message: the named groups of its regular expressions."""

Test = Callable[["Context"], Groups | None]
Condition = Callable[["Context"], object]
"""A filter of one's own: a plain function that says yes or no."""

NOTHING: Groups = {}


class Filter:
    """A condition on a message.

    `names` are the groups that it may find, which handlers get by name; a group that took no part is None.
    `reads_state`: it may look at `ctx.state`, so that must be there before it is asked.
    """

    def __init__(self, test: Test, names: frozenset[str] = frozenset(), *, reads_state: bool = False) -> None:
        """`test` returns what it found, or None when the message is not wanted."""
        self.test = test
        self.names = names
        self.reads_state = reads_state

    def __and__(self, other: Filter | Condition) -> Filter:
        one, two = self, as_filter(other)

        def both(ctx: Context) -> Groups | None:
            first = one.test(ctx)
            if first is None:
                return None
            second = two.test(ctx)
            if second is None:
                return None
            return {**first, **second} if first and second else first or second

        return Filter(both, one.names | two.names, reads_state=one.reads_state or two.reads_state)

    def __or__(self, other: Filter | Condition) -> Filter:
        one, two = self, as_filter(other)

        def either(ctx: Context) -> Groups | None:
            first = one.test(ctx)
            return first if first is not None else two.test(ctx)

        return Filter(either, one.names | two.names, reads_state=one.reads_state or two.reads_state)

    def __rand__(self, other: Condition) -> Filter:
        return as_filter(other) & self

    def __ror__(self, other: Condition) -> Filter:
        return as_filter(other) | self

    def __invert__(self) -> Filter:
        return Filter(lambda ctx: NOTHING if self.test(ctx) is None else None, reads_state=self.reads_state)

    def __bool__(self) -> NoReturn:
        raise TypeError("Filters combine with & | ~, not with `and`, `or`, `not`.")


def as_filter(condition: Filter | Condition) -> Filter:
    """A filter, or a plain function of the context as one. Raises `InvalidBot`."""
    if isinstance(condition, Filter):
        return condition
    if not callable(condition):
        raise InvalidBot(f"A filter is made of `F`, or it is a function of the context; {condition!r} is neither.")
    if inspect.iscoroutinefunction(condition):
        raise InvalidBot(f"The filter `{condition.__name__}` is async; a filter must be a plain function.")
    return Filter(lambda ctx: NOTHING if condition(ctx) else None, reads_state=True)


def _when(test: Callable[[Context], bool]) -> Filter:
    return Filter(lambda ctx: NOTHING if test(ctx) else None)


class Contact:
    """`F.contact`: who wrote it, compared with a contact's id."""

    def __eq__(self, contact: object) -> Filter:  # type: ignore[override]
        return _when(lambda ctx: ctx.message.contact == contact)

    def __ne__(self, contact: object) -> Filter:  # type: ignore[override]
        return ~(self == contact)

    __hash__ = None  # type: ignore[assignment]


class FoldedText:
    """`F.text.folded`: the text without case, accents and surrounding space."""

    def __eq__(self, text: object) -> Filter:  # type: ignore[override]
        wanted = fold(str(text))
        return _when(lambda ctx: ctx.message.folded == wanted)

    def __ne__(self, text: object) -> Filter:  # type: ignore[override]
        return ~(self == text)

    __hash__ = None  # type: ignore[assignment]

    def startswith(self, beginning: str) -> Filter:
        """Texts that begin so."""
        wanted = fold(beginning)
        return _when(lambda ctx: ctx.message.folded.startswith(wanted))

    def contains(self, part: str) -> Filter:
        """Texts in which this occurs."""
        wanted = fold(part)
        return _when(lambda ctx: wanted in ctx.message.folded)

    def regex(self, pattern: str) -> Filter:
        """Texts in which the pattern is found; its named groups are as they were typed, accents and all.

        As all of Python's patterns, one that repeats what repeats, `(a+)+`, may take for ever on a text made for that.
        """
        groups = re.compile(pattern).groupindex  # the groups keep the names that the handler's parameters have
        compiled = re.compile(without_accents(pattern), re.IGNORECASE)

        def search(ctx: Context) -> Groups | None:
            text = ctx.message.text
            found = compiled.search(without_accents(text))
            if found is None:
                return None
            place = places(text)
            spans = {name: found.span(number) for name, number in groups.items()}
            return {
                name: text[place[start] : place[end]] if start >= 0 else None for name, (start, end) in spans.items()
            }

        return Filter(search, frozenset(groups))


class Text(Filter):
    """`F.text`: any text, or one compared to the letter; `F.text.folded` does not look at case and accents."""

    folded = FoldedText()

    def __init__(self) -> None:
        super().__init__(lambda ctx: NOTHING)

    def __eq__(self, text: object) -> Filter:  # type: ignore[override]
        return _when(lambda ctx: ctx.message.text == text)

    def __ne__(self, text: object) -> Filter:  # type: ignore[override]
        return ~(self == text)

    __hash__ = None  # type: ignore[assignment]

    def startswith(self, beginning: str) -> Filter:
        """Texts that begin so."""
        return _when(lambda ctx: ctx.message.text.startswith(beginning))

    def contains(self, part: str) -> Filter:
        """Texts in which this occurs."""
        return _when(lambda ctx: part in ctx.message.text)

    def regex(self, pattern: str) -> Filter:
        """Texts in which the pattern is found; handlers get its named groups by name.

        As all of Python's patterns, one that repeats what repeats, `(a+)+`, may take for ever on a text made for that.
        """
        compiled = re.compile(pattern)

        def search(ctx: Context) -> Groups | None:
            found = compiled.search(ctx.message.text)
            return None if found is None else found.groupdict() or NOTHING

        return Filter(search, frozenset(compiled.groupindex))


class _Fields:
    """`F`: what a filter may look at."""

    text = Text()
    contact = Contact()


F = _Fields()
