"""A full disk: what cannot be kept is refused, what was kept stays, and all goes on once there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mepassad.testing.rpc_client import RpcClient, RpcError
from tests.daemon import Daemon, Fleet, Friends, answers, eventually, reaches, texts

SIZE = 6 << 20


class Disk:
    """A small disk that a test fills and empties."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.filler = folder, folder / "filler"

    def fill(self) -> None:
        """Take all room there is."""
        with self.filler.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        """Give it back."""
        self.filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A tmpfs of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount the small disk that this test fills")
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", folder], check=True)
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def cramped(disk: Disk, fleet: Fleet) -> Friends:
    """Friends of whom bruno lives on the small disk."""
    ana = fleet.daemon("ana")
    bruno = fleet.daemon("bruno", node={"data_dir": str(disk.folder / "data")})
    bruno.data = disk.folder / "data"
    return Friends(ana.start(), bruno.start())


async def write_until_refused(rpc: RpcClient, contact: str) -> list[str]:
    """Texts that were confirmed before the disk was full."""
    kept: list[str] = []
    for number in range(2_000):
        text = f"{number} " + "x" * 2_000
        try:
            await rpc.call("messages.send", contact=contact, text=text)
        except RpcError as error:
            refusal = error
            break
        kept.append(text)
    assert refusal.name == "StoreFull"
    assert "disk is full" in str(refusal)
    return kept


async def test_a_full_disk_refuses_texts_by_name_and_takes_them_again_without_a_restart(
    cramped: Friends, disk: Disk
) -> None:
    async with cramped.bruno.client() as rpc:
        disk.fill()
        kept = await write_until_refused(rpc, cramped.ana_id)
        pid = cramped.bruno.pid
        for _ in range(20):
            with pytest.raises(RpcError, match="StoreFull"):
                await rpc.call("messages.send", contact=cramped.ana_id, text="nothing " + "x" * 2_000)
        assert answers(cramped.bruno.socket, within=2)
        assert await texts(rpc, cramped.ana_id, limit=50) == kept  # reading goes on
        disk.free()

        async def send() -> bool:
            try:
                await rpc.call("messages.send", contact=cramped.ana_id, text="room again", request_id="r")
            except RpcError:
                return False
            return True

        await eventually(send, bool)
        kept.append("room again")
        assert await texts(rpc, cramped.ana_id, limit=50) == kept
        assert cramped.bruno.pid == pid
    async with cramped.ana.session() as ana:
        await eventually(lambda: texts(ana, cramped.bruno_id, limit=50), lambda found: sorted(found) == sorted(kept))


async def test_what_arrives_while_the_disk_is_full_comes_once_there_is_room(cramped: Friends, disk: Disk) -> None:
    async with cramped.ana.session() as ana, cramped.bruno.client() as bruno:
        disk.fill()
        own = await write_until_refused(bruno, cramped.ana_id)
        sent = [await ana.call("messages.send", contact=cramped.bruno_id, text=f"{n} " + "y" * 4_000) for n in range(5)]
        await eventually(lambda: said(cramped.ana, "a packet was refused"), bool)
        assert {(await ana.call("messages.get", message_id=one["message_id"]))["state"] for one in sent} <= {
            "queued",
            "sent",
        }
        disk.free()
        for one in sent:
            await reaches(ana, one["message_id"], "delivered")
        heard = [text for text in await texts(bruno, cramped.ana_id, limit=50) if text not in own]
        assert sorted(heard) == [f"{n} " + "y" * 4_000 for n in range(5)]
        told = [event["data"]["message_id"] for event in bruno.events if event["topic"] == "message.received"]
        assert sorted(told) == sorted(one["message_id"] for one in sent)


async def test_a_daemon_killed_on_a_full_disk_has_lost_nothing(cramped: Friends, disk: Disk) -> None:
    async with cramped.bruno.session() as rpc:
        disk.fill()
        kept = await write_until_refused(rpc, cramped.ana_id)
    cramped.bruno.kill()
    disk.free()
    cramped.bruno.start()
    async with cramped.bruno.session() as rpc:
        assert await texts(rpc, cramped.ana_id, limit=50) == kept
    async with cramped.ana.session() as ana:
        await eventually(lambda: texts(ana, cramped.bruno_id, limit=50), lambda found: sorted(found) == sorted(kept))


async def said(daemon: Daemon, words: str) -> bool:
    """Whether a daemon logged these words."""
    return words in daemon.log()
