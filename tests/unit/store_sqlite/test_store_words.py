"""Whatever is typed into search is a valid query."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mepassad.builtin.store_sqlite.reads.words import MAX_WORDS, match_expression
from tests.examples import examples

TABLE = "CREATE VIRTUAL TABLE said USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2')"


@pytest.fixture
def said() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(TABLE)
        yield database


def found(said: sqlite3.Connection, query: str) -> list[str]:
    expression = match_expression(query)
    if not expression:
        return []
    return [text for (text,) in said.execute("SELECT text FROM said WHERE said MATCH ?", (expression,))]


@pytest.mark.parametrize(
    ("query", "expression"),
    [
        ("olá mundo", '"olá" "mundo"*'),
        ('a"b', '"a" "b"*'),
        ("NEAR(a b) AND *^", '"NEAR" "a" "b" "AND"*'),
        ("", ""),
        ("\0 -:*", ""),
    ],
)
def test_words_are_quoted_and_the_last_is_a_beginning(query: str, expression: str) -> None:
    assert match_expression(query) == expression


@pytest.mark.parametrize(("count", "kept"), [(MAX_WORDS, MAX_WORDS), (MAX_WORDS + 1, MAX_WORDS)])
def test_only_so_many_words_count(count: int, kept: int) -> None:
    assert match_expression("word " * count).count('"word"') == kept


@given(query=st.text())
@example(query="\ud800")
@example(query="\u0301")
@example(query="a\u0301b \u2160 \ue000")
@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_query_that_never_fails(said: sqlite3.Connection, query: str) -> None:
    found(said, query)


@given(text=st.text(st.characters(codec="latin-1")), cut=st.integers(min_value=0))
@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_text_is_found_by_any_of_its_beginnings(said: sqlite3.Connection, text: str, cut: int) -> None:
    said.execute("DELETE FROM said")
    said.execute("INSERT INTO said VALUES (?)", (text,))
    beginning = text[: cut % (len(text) + 1)]
    if len(match_expression(beginning).split()) in range(1, MAX_WORDS):
        assert found(said, beginning) == [text]
