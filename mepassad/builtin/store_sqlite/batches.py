"""Runs a batch of commits as one transaction with one fsync; only the guilty ones of a batch fail."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from mepassad.api import Conflict
from mepassad.api.store import Commit, Committed
from mepassad.builtin.store_sqlite import statements as sql
from mepassad.builtin.store_sqlite.failures import is_of_one_commit, translate
from mepassad.builtin.store_sqlite.plan import Numbers, Plan

Result: TypeAlias = Committed | Exception


class Batches:
    """The writing connection with the last numbers it gave; belongs to one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._path = path
        self._last = Numbers(*self._cursor.execute(sql.LAST_NUMBERS).fetchone())

    def apply(self, commits: Sequence[Commit]) -> list[Result]:
        """What became of each commit; those that are `Committed` are on disk.

        All together first; if that fails, each under a savepoint of its own. A failure of the disk or the file, of
        which no commit is guilty, is everybody's.
        """
        try:
            with self._transaction():
                return self._together(commits)
        except Exception as error:
            if not is_of_one_commit(error):
                return [translate(error, self._path) for _ in commits]
        try:
            with self._transaction():
                return [self._alone(commit) for commit in commits]
        except Exception as error:
            return [translate(error, self._path) for _ in commits]

    def close(self) -> None:
        """Close the connection; SQLite then folds the write-ahead log into the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        last = self._last
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
            yield
            self._cursor.execute("COMMIT")
        except BaseException:
            self._last = last
            if self._connection.in_transaction:  # a full disk makes SQLite roll back by itself
                self._cursor.execute("ROLLBACK")
            raise

    def _together(self, commits: Sequence[Commit]) -> list[Result]:
        plan = Plan(self._last)
        results: list[Result] = [plan.add(commit) for commit in commits]
        self._run(plan)
        return results

    def _alone(self, commit: Commit) -> Result:
        self._cursor.execute("SAVEPOINT one")
        plan = Plan(self._last)
        try:
            committed = plan.add(commit)
            self._run(plan)
        except Exception as error:
            if not is_of_one_commit(error):
                raise
            self._cursor.execute("ROLLBACK TO one")
            self._cursor.execute("RELEASE one")
            return translate(error, self._path)
        self._cursor.execute("RELEASE one")
        return committed

    def _run(self, plan: Plan) -> None:
        for statement, rows in plan.steps():
            self._cursor.executemany(statement, rows)
            if statement in sql.MUST_HIT and self._cursor.rowcount != len(rows):
                raise Conflict
        self._last = plan.last()
