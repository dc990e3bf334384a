"""What a mailbox confirmed is on the disk: after SIGKILL, and with the disk full."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from mepassad.api import MailboxFull, StoreBroken, StoreFull, StoreTooNew
from mepassad.api.mailbox import ROW, Deposit, Kept
from mepassad.builtin.mailbox_sqlite.mailbox import MIGRATIONS, SqliteMailbox, open_mailbox
from mepassad.builtin.store_sqlite.migrate import shipped
from tests.unit.mailbox_sqlite.depositing import BOX, LATER, QUOTAS, envelope
from tests.unit.store_sqlite.test_store_full_disk import disk, fill

__all__ = ["disk"]
USING = Path(__file__).with_name("depositing.py")


def killed_after(path: Path, lines: int) -> list[tuple[str, int]]:
    """Use a mailbox with eight callers, kill the process after some lines; all that was confirmed."""
    process = subprocess.Popen([sys.executable, USING, path, "1000000", "8"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as output:
        said = [output.readline() for _ in range(lines)]
        process.kill()
        said += output.readlines()
    process.wait()
    words = [line.split() for line in said if line.endswith(b"\n")]
    return [(verb.decode(), int(number)) for verb, number in words]


def test_nothing_confirmed_is_lost_by_a_kill_and_no_blob_goes_out_twice(tmp_path: Path) -> None:
    rng, path = random.Random(5), tmp_path / "m" / "mailbox.db"
    put, acked, taken = set[int](), set[int](), list[int]()
    for _ in range(4):
        for verb, number in killed_after(path, rng.randrange(20, 400)):
            {"put": put.add, "ack": acked.add, "take": taken.append}[verb](number)
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            lying = {int(bytes(sealed).split()[0]) for (sealed,) in database.execute("SELECT sealed FROM envelopes")}
            assert put - acked - {number for number in put if number % 3 == 0} <= lying
            assert not acked & lying
            left = {int(bytes(blob)) for (blob,) in database.execute("SELECT blob FROM blobs")}
            assert not left & set(taken)
            count, size = database.execute("SELECT envelopes, bytes FROM boxes").fetchone()
            assert (count, size) == database.execute("SELECT count(*), sum(size) FROM envelopes").fetchone()
    assert len(taken) > 20


async def put_until_full(mailbox: SqliteMailbox, first: int) -> int:
    """Put envelopes until one is refused; its number."""
    for number in range(first, 10_000):
        try:
            await mailbox.put([Deposit([BOX], envelope(number), LATER)])
        except StoreFull:
            return number
    raise AssertionError("the disk never filled")


@pytest.mark.parametrize("leave", [0, 40_960, 400_000])
async def test_a_full_disk_refuses_and_what_lies_there_can_be_fetched(disk: Path, leave: int) -> None:
    async with open_mailbox(disk / "m" / "mailbox.db", QUOTAS, cache_mb=1, queue_limit=9) as mailbox:
        await mailbox.open(b"ana", [BOX], LATER, 1)
        await mailbox.put([Deposit([BOX], envelope(1), LATER)])
        fill(disk, leave)
        refused = await put_until_full(mailbox, 2)
        lying = await mailbox.fetch(BOX, 0, 10_000, 1 << 30)
        assert [one.sealed for one in lying] == [envelope(number) for number in range(1, refused)]
        assert mailbox.stats()["envelopes"] == refused - 1
        with pytest.raises(StoreFull):
            await mailbox.keep_record(b"key", Kept(bytes(100_000), 1, LATER))
        (disk / "ballast").unlink()
        assert await mailbox.put([Deposit([BOX], envelope(refused), LATER)]) == [[0]]


async def test_files_are_private_and_a_newer_or_foreign_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "m" / "mailbox.db"
    async with open_mailbox(path, QUOTAS, cache_mb=1, queue_limit=9) as mailbox:
        await mailbox.open(b"ana", [BOX], LATER, 1)
        assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
        assert path.parent.stat().st_mode & 0o777 == 0o700
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreTooNew):
        async with open_mailbox(path, QUOTAS, cache_mb=1, queue_limit=9):
            pass
    path.write_bytes(b"something else altogether")
    with pytest.raises(StoreBroken):
        async with open_mailbox(path, QUOTAS, cache_mb=1, queue_limit=9):
            pass
    assert path.read_bytes() == b"something else altogether"


async def test_smaller_quotas_hold_for_what_was_kept_before(tmp_path: Path) -> None:
    path = tmp_path / "m" / "mailbox.db"
    async with open_mailbox(path, QUOTAS, cache_mb=1, queue_limit=9) as mailbox:
        await mailbox.open(b"ana", [BOX], LATER, 1)
        assert await mailbox.put([Deposit([BOX], envelope(1), LATER)]) == [[0]]
    async with open_mailbox(path, QUOTAS._replace(box_envelopes=1), cache_mb=1, queue_limit=9) as mailbox:
        assert await mailbox.put([Deposit([BOX], envelope(2), LATER)]) == [[3]]
        with pytest.raises(MailboxFull):
            await mailbox.open(b"ana", [bytes([number]) * 32 for number in range(20)], LATER, 20)


async def test_a_mailbox_of_the_first_version_keeps_what_it_has_and_counts_it_for_who_opens_it(tmp_path: Path) -> None:
    path = tmp_path / "mailbox.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(shipped(MIGRATIONS)[0] + "PRAGMA user_version = 1;")
        database.execute(
            "INSERT INTO boxes (number, opened_day, next, envelopes, bytes) VALUES (?, 1, 2, 1, 5)", (BOX,)
        )
        row = ((1 << 32) + 1, 1, 5, LATER, bytes(32), b"hello")
        database.execute("INSERT INTO envelopes VALUES (?, ?, ?, ?, ?, ?)", row)
        database.commit()
    quotas = QUOTAS._replace(opener_bytes=2 * ROW + 5)
    async with open_mailbox(path, quotas, cache_mb=1, queue_limit=9) as mailbox:
        assert [one.sealed for one in await mailbox.fetch(BOX, 0, 9, 9)] == [b"hello"]
        assert mailbox.stats()["bytes"] == 2 * ROW + 5
        await mailbox.open(b"ana", [BOX], LATER, 0)
        assert await mailbox.put([Deposit([BOX], b"x", LATER)]) == [[3]]
