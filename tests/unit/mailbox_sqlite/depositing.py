"""A process that uses a mailbox and writes a line to stdout once each thing is durable: `put 7`, `ack 7`, `take 7`.

Arguments: the database, how many things each caller does, how many callers at once; and to break it, a value of PRAGMA
synchronous.
"""

import asyncio
import hashlib
import os
import sys
from pathlib import Path

from mepassad.api.mailbox import Deposit, Quotas
from mepassad.builtin.mailbox_sqlite.mailbox import SqliteMailbox, open_mailbox
from mepassad.builtin.store_sqlite import database

QUOTAS = Quotas(10, 1 << 30, 1 << 30, 1 << 30, 1 << 20, 1 << 20, 1 << 30, 10, 1 << 20)
BOX = bytes(32)
LATER = 2_000_000_000


def envelope(number: int) -> bytes:
    return b"%d " % number + bytes(1_000)


async def use(mailbox: SqliteMailbox, number: int) -> None:
    await mailbox.put([Deposit([BOX], envelope(number), LATER)])
    os.write(1, b"put %d\n" % number)
    if number % 3 == 0:
        await mailbox.ack(BOX, [hashlib.sha256(envelope(number)).digest()])
        os.write(1, b"ack %d\n" % number)
    if (blob := await mailbox.take(BOX, True)) is not None:
        os.write(1, b"take %s\n" % blob)


async def main(path: Path, count: int, callers: int) -> None:
    async with open_mailbox(path, QUOTAS, cache_mb=4, queue_limit=4096) as mailbox:
        await mailbox.open(b"ana", [BOX], LATER, 1)
        first = int((await mailbox.take(BOX, False) or b"0").decode()) + 1
        await mailbox.publish(BOX, [b"%d" % number for number in range(first, first + 1000)], b"", True)
        numbers = iter(range(first, first + count))

        async def caller() -> None:
            for number in numbers:
                await mailbox.publish(BOX, [], b"%d" % number, False)
                await use(mailbox, number)

        await asyncio.gather(*(caller() for _ in range(callers)))


if __name__ == "__main__":
    if len(sys.argv) > 4:
        database.SYNCHRONOUS = sys.argv[4]
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
