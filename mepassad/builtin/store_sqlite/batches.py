"""Runs a batch of commits as one transaction with one fsync; only the guilty ones of a batch fail."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from mepassad.api import Conflict
from mepassad.api.store import Commit, Committed
from mepassad.builtin.store_sqlite import statements as sql
from mepassad.builtin.store_sqlite.plan import Numbers, Plan
from mepassad.builtin.store_sqlite.transactions import Transactions

Result: TypeAlias = Committed | Exception


class Batches(Transactions[Commit, Committed]):
    """The writing connection with the last numbers it gave; belongs to one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        super().__init__(connection, path)
        self._last = Numbers(*self._cursor.execute(sql.LAST_NUMBERS).fetchone())

    def _together(self, jobs: Sequence[Commit]) -> list[Result]:
        plan = Plan(self._last)
        results: list[Result] = [plan.add(commit) for commit in jobs]
        self._run(plan)
        return results

    def _one(self, job: Commit) -> Committed:
        plan = Plan(self._last)
        committed = plan.add(job)
        self._run(plan)
        return committed

    def _mark(self) -> Numbers:
        return self._last

    def _return_to(self, mark: Numbers) -> None:
        self._last = mark

    def _run(self, plan: Plan) -> None:
        for statement, rows in plan.steps():
            self._cursor.executemany(statement, rows)
            if statement in sql.MUST_HIT and self._cursor.rowcount != len(rows):
                raise Conflict
        self._last = plan.last()
