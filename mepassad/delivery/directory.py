"""All directories of this node as one: records are published in each, and the newest that any has is found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import anyio

from mepassad.api.context import Clock, Log
from mepassad.api.directory import Directory, Record
from mepassad.api.types import NodeId
from mepassad.delivery.links import Links
from mepassad.delivery.mailbox_directory import MailboxDirectory
from mepassad.errors import MepassaError
from mepassad.wire.records import LIFE, check_record

PATIENCE = 20.0
"""Seconds that one directory has to keep or find a record."""

LINGER = 0.5
"""Seconds that other directories have once one has found something newer than what was seen."""

MAX_MAILBOXES = 4
"""Mailbox nodes of one contact that are asked."""

Nodes = Mapping[str, Sequence[str]]
"""Node id → addresses without `/p2p`."""

T = TypeVar("T")


class Directories:
    """Directories that plugins provide, and mailbox nodes beside them. A hint, never the truth."""

    def __init__(self, clock: Clock, log: Log) -> None:
        """`up` gives the plugins' directories that live, `own` our mailbox nodes. `links` is set once there are
        transports."""
        self._clock, self._log = clock, log
        self.up: Callable[[], Iterable[Directory]] = tuple
        self.own: Callable[[], Nodes] = dict
        self.links: Links

    def check(self, key: bytes, value: bytes) -> int:
        """What directories ask of a record before they keep it or pass it on: its version. Raises `MepassaError`."""
        return check_record(key, value, int(self._clock.now()))

    def all(self, nodes: Nodes | None = None) -> list[Directory]:
        """Every directory there is; `nodes`: mailboxes of a contact, beside our own."""
        told = {**dict(list((nodes or {}).items())[:MAX_MAILBOXES]), **self.own()}
        mailboxes = [MailboxDirectory(NodeId(node), addresses, self.links) for node, addresses in told.items()]
        return [*self.up(), *mailboxes]

    async def publish(self, key: bytes, record: Record) -> bool:
        """Offer a record to all; whether each took it."""
        taken: list[bool] = []

        async def offer(directory: Directory) -> None:
            taken.append(bool(await self._tried(directory, self._published(directory, key, record))))

        async with anyio.create_task_group() as tasks:
            for directory in self.all():
                tasks.start_soon(offer, directory)
        return all(taken)

    async def _published(self, directory: Directory, key: bytes, record: Record) -> bool:
        await directory.publish(key, record, LIFE)
        return True

    async def find(self, key: bytes, seen: int, nodes: Nodes) -> Record | None:
        """The newest valid record that is found, of that version at least. Only a newer one ends the search early: who
        hands out an old one at once does not hide what others have. `nodes`: mailboxes to ask beside our own."""
        best: list[Record] = []

        async def ask(directory: Directory) -> None:
            found = await self._tried(directory, self._valid(directory, key))
            if found is None or found.version < seen or (best and found.version <= best[0].version):
                return
            best[:] = [found]
            if found.version > seen:
                deadline.deadline = min(deadline.deadline, anyio.current_time() + LINGER)

        with anyio.move_on_after(PATIENCE) as deadline:
            async with anyio.create_task_group() as tasks:
                for directory in self.all(nodes):
                    tasks.start_soon(ask, directory)
        return best[0] if best else None

    async def _valid(self, directory: Directory, key: bytes) -> Record | None:
        """What a directory finds, with its true version."""
        found = await directory.find(key)
        return None if found is None else Record(found.value, self.check(key, found.value))

    async def _tried(self, directory: Directory, work: Awaitable[T]) -> T | None:
        """What a directory gives; None where it fails, which is no reason for anything else to."""
        try:
            with anyio.move_on_after(PATIENCE):
                return await work
        except MepassaError as error:
            self._log.debug("a directory was of no help", directory=directory.name, reason=error.sentence)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            self._log.warning("a directory failed", directory=directory.name, reason=reason)
        return None
