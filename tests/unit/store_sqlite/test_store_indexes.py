"""Every read and write finds its rows by an index."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mepassad.builtin.store_sqlite import statements
from mepassad.builtin.store_sqlite.migrate import migrate, shipped
from mepassad.builtin.store_sqlite.reads import delivery, journal, messages, people

READ_AS_A_WHOLE = {"account", "invite", "receipt"}
NO_LARGE_TABLE = {"json_each", "message_text_mark", "CONSTANT", "message_text"}  # message_text: the search itself
TOUCHES_ROWS = re.compile(r"\s*(SELECT|UPDATE|DELETE|INSERT INTO \w+ \(rowid)")


def of_modules() -> Iterator[str]:
    for module in (delivery, journal, messages, people, statements):
        for value in vars(module).values():
            yield from (sql for sql in (value if isinstance(value, tuple) else (value,)) if isinstance(sql, str))


SQL = [sql + ("(?)" if sql.endswith(" IN ") else "") for sql in of_modules() if TOUCHES_ROWS.match(sql)]


@pytest.mark.parametrize("sql", SQL)
def test_no_statement_walks_through_a_large_table(sql: str) -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        migrate(database, Path("memory"), shipped())
        numbered = [int(number) for number in re.findall(r"\?(\d+)", sql)]
        values = ["1"] * (max(numbered) if numbered else sql.count("?"))
        steps = [step[3] for step in database.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    walked = {step.split()[1] for step in steps if step.startswith("SCAN") and "INDEX" not in step}
    if sql == statements.FORGET_OLD_EVENTS:
        walked.discard("event")  # only through the old ones, which it drops
    assert walked <= READ_AS_A_WHOLE | NO_LARGE_TABLE, steps


def test_the_statements_were_found() -> None:
    assert len(SQL) > 40
