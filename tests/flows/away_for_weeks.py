"""Fifteen days of real daemons: their recipient is away, and they are stopped and started on each of the days.

    python -m pytest tests/flows/away_for_weeks.py

It takes five minutes. The clock of each day is libfaketime's (Debian: faketime), below the daemons, which know nothing
of it.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests.daemon import Daemon, Fleet, befriend, eventually, reaches, texts
from tests.flows.test_mailbox_daemons import address_of

DAYS, LATE = 15, 3  # days that the recipient is away; on which something is said that is in time
A_LOOK = 200.0  # seconds within which a node looks for what has expired
(LIBRARY,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")

pytestmark = pytest.mark.timeout(600)


def on_day(day: int) -> list[str]:
    """The command under which a daemon lives so many days from now."""
    return ["env", f"LD_PRELOAD={LIBRARY}", f"FAKETIME=+{day}d"]


async def waits_at_the_mailbox(daemon: Daemon, message: str) -> None:
    """Until it was put there."""
    async with daemon.session() as rpc:
        await reaches(rpc, message, "sent")


async def said(daemon: Daemon, contact: str, text: str) -> str:
    """Say something; its id."""
    async with daemon.session() as rpc:
        return str((await rpc.call("messages.send", contact=contact, text=text))["message_id"])


async def test_what_waits_for_fifteen_days_expires_and_what_waits_for_less_arrives(fleet: Fleet) -> None:
    server = fleet.daemon("server", roles=["mailbox"]).start()
    mailboxes = {"mailboxes": [address_of(server)]}
    ana, bruno = fleet.start("ana", "bruno", **mailboxes)
    async with ana.session() as inviter, bruno.session() as guest:
        bruno_id, ana_id = await befriend(inviter, guest)
    bruno.stop()
    early = await said(ana, bruno_id, "too early")
    await waits_at_the_mailbox(ana, early)
    for day in range(1, DAYS + 1):
        for daemon in (ana, server):
            assert daemon.stop() == 0
        for daemon in (server, ana):
            daemon.start(*on_day(day))
        if day == LATE:
            late = await said(ana, bruno_id, "in time")
            await waits_at_the_mailbox(ana, late)
    async with ana.session() as rpc:
        look = functools.partial(rpc.call, "messages.get", message_id=early)
        assert (await eventually(look, lambda item: item["state"] == "expired", A_LOOK))["reason"]
        bruno.start(*on_day(DAYS))
        await reaches(rpc, late, "delivered")
        assert (await rpc.call("messages.get", message_id=early))["state"] == "expired"
    async with bruno.session() as rpc:
        assert await eventually(lambda: texts(rpc, ana_id), bool) == ["in time"]
