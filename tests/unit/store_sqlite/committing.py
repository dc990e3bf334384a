"""A process that commits to a store and writes each message's id to stdout once it is durable.

Arguments: the database, how many commits, how many callers at once; and to break it, a value of PRAGMA synchronous.
"""

import asyncio
import os
import sys
from pathlib import Path

from mepassad.api.store import Store
from mepassad.api.writes import AddEvent, AddMessage, AddOutgoing, PutSession
from mepassad.builtin.store_sqlite import database
from mepassad.builtin.store_sqlite.store import open_store
from mepassad.testing.store_rows import ANA, a_message, a_session, an_outgoing, commit, message_id


async def keep(store: Store, number: int) -> None:
    await commit(
        store,
        AddMessage(a_message(number)),
        AddOutgoing(an_outgoing(number, packet=bytes(1_000))),
        PutSession(a_session(number)),
        AddEvent(ANA, "message.received", message_id(number), number),
    )
    os.write(1, b"%d\n" % number)


async def main(path: Path, count: int, callers: int) -> None:
    async with open_store(path, cache_mb=4, queue_limit=4096, backups_made_before=0) as store:
        sessions = await store.sessions(ANA)
        first = sessions[0].version + 1 if sessions else 1
        numbers = iter(range(first, first + count))

        async def caller() -> None:
            for number in numbers:
                await keep(store, number)

        await asyncio.gather(*(caller() for _ in range(callers)))


if __name__ == "__main__":
    if len(sys.argv) > 4:
        database.SYNCHRONOUS = sys.argv[4]
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
