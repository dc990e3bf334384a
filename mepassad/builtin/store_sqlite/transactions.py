"""Runs a batch of jobs as one transaction with one fsync; only the guilty ones of a batch fail."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from mepassad.builtin.store_sqlite.failures import is_of_one_commit, translate

Job = TypeVar("Job")
Done = TypeVar("Done")


class Transactions(ABC, Generic[Job, Done]):
    """The writing connection, and what of it is in memory; belongs to one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """`connection` is in autocommit mode; `path` is for errors."""
        self._connection = connection
        self._cursor = connection.cursor()
        self._path = path

    def apply(self, jobs: Sequence[Job]) -> list[Done | Exception]:
        """What became of each job; those without an error are on disk.

        All together first; if that fails, each under a savepoint of its own. A failure of the disk or the file, of
        which no job is guilty, is everybody's.
        """
        try:
            with self._transaction():
                return self._together(jobs)
        except Exception as error:
            if not is_of_one_commit(error):
                return [translate(error, self._path) for _ in jobs]
        try:
            with self._transaction():
                return [self._alone(job) for job in jobs]
        except Exception as error:
            return [translate(error, self._path) for _ in jobs]

    def close(self) -> None:
        """Close the connection; SQLite then folds the write-ahead log into the file."""
        self._connection.close()

    @abstractmethod
    def _together(self, jobs: Sequence[Job]) -> list[Done | Exception]:
        """Do all jobs in the transaction that is open; what is raised undoes them all."""

    @abstractmethod
    def _one(self, job: Job) -> Done:
        """Do one job; what is raised undoes it."""

    @abstractmethod
    def _mark(self) -> Any:
        """What is in memory beside the file, as it is now."""

    @abstractmethod
    def _return_to(self, mark: Any) -> None:
        """What was done since that mark is undone in the file."""

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        mark = self._mark()
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
            yield
            self._cursor.execute("COMMIT")
        except BaseException:
            self._return_to(mark)
            if self._connection.in_transaction:  # a full disk makes SQLite roll back by itself
                self._cursor.execute("ROLLBACK")
            raise

    def _alone(self, job: Job) -> Done | Exception:
        self._cursor.execute("SAVEPOINT one")
        mark = self._mark()
        try:
            done = self._one(job)
        except Exception as error:
            if not is_of_one_commit(error):
                raise
            self._cursor.execute("ROLLBACK TO one")
            self._cursor.execute("RELEASE one")
            self._return_to(mark)
            return translate(error, self._path)
        self._cursor.execute("RELEASE one")
        return done
