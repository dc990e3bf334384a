"""The contract of a bot that lives inside the daemon: there it speaks the RPC as everywhere else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from anyio.abc import ByteStream

Connect = Callable[[], Awaitable[ByteStream]]
"""Opens a session: a stream of lines as on the socket, which acts for the bot's account and within its scopes."""


class Bot(Protocol):
    """`name`: 1 to 32 of a–z, 0–9, - and _. `account`: the id of the account that it acts for, "" = one of its own,
    made when it first runs. `scopes`: `read`, `write`, `admin` or names of methods.

    It shares the daemon's thread: what blocks it blocks everybody. Scopes guard it against its own mistakes, not
    others against it; a bot that is not trusted runs as a process and a user of its own, with a token.
    """

    name: str
    account: str
    scopes: Sequence[str]

    async def run(self, connect: Connect, /) -> None:
        """Live until cancelled. A bot that raises is told as `plugin.failed` and started again with back-off."""
        ...
