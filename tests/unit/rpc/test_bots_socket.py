"""The socket for programs of other users: a token first, and nobody who has none is in the way of those who have."""

from __future__ import annotations

import grp
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import anyio
import pytest
from asking import alive, errors, refused, shown
from fake_node import BOB, FakeNode, Serve

from mepassad.errors import ConfigError, UnsafePath
from mepassad.rpc import session
from mepassad.rpc.socket_file import listening
from mepassad.testing.rpc_client import connect


@pytest.fixture
async def path(served: Serve, folder: Path) -> AsyncIterator[Path]:
    """The owner's socket; that of bots is beside it."""
    async with served(bots_socket=folder / "run" / "b", max_bot_sessions=2) as path:
        yield path


async def test_the_bots_socket_wants_a_token_first(path: Path, node: FakeNode) -> None:
    for method in ("system.stats", "system.hello"):
        async with connect(path.with_name("b")) as client:
            if method == "system.hello":
                assert (await client.call("system.hello", token=await shown(node, "read")))["scopes"] == ["read"]
                assert await client.call("system.stats")
            else:
                assert await refused(client, method) == "TokenRefused"
                await client.until_closed()


async def test_who_shows_nothing_there_is_dropped(served: Serve, folder: Path) -> None:
    async with (
        served(bots_socket=folder / "run" / "b", hello_timeout=0.01) as path,
        connect(path.with_name("b")) as client,
    ):
        await client.until_closed()


async def test_lines_are_short_there_until_a_token_was_shown(path: Path, node: FakeNode) -> None:
    bots = path.with_name("b")
    async with connect(bots) as client:
        await client.send(b" " * 4097)
        await client.until_closed()
        assert errors(client) == ["InvalidRequest"]
    async with connect(bots) as client:
        await client.call("system.hello", token=await shown(node, "write"))
        await client.call("messages.send", contact=BOB, text="x" * 5000)


async def test_strangers_take_no_place_of_the_owner_and_none_of_who_has_a_token(path: Path, node: FakeNode) -> None:
    bots, token = path.with_name("b"), await shown(node, "read")
    async with connect(bots) as first, connect(bots) as second, connect(bots) as third:
        await first.until_closed()  # it waited longest
        assert await alive(path)
        await third.call("system.hello", token=token)
        async with connect(bots) as fourth:
            await second.until_closed()
            await fourth.call("system.hello", token=token)
            async with connect(bots) as fifth:
                await fifth.until_closed()
                assert (errors(first), errors(second), errors(fifth)) == ([], [], ["TooManySessions"])
            assert await third.call("system.stats")
            assert await fourth.call("system.stats")


async def test_a_user_who_comes_again_and_again_pushes_out_only_sessions_of_their_own(
    served: Serve, folder: Path, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = iter([7, *[8] * 9])
    monkeypatch.setattr(session, "peer_uid", lambda connection: next(users))
    token = await shown(node, "read")
    async with served(bots_socket=folder / "run" / "b", max_bot_sessions=3) as path, AsyncExitStack() as open_:
        bots = path.with_name("b")
        patient, *pushing = [await open_.enter_async_context(connect(bots)) for _ in range(10)]
        for pushed in pushing[:-2]:
            await pushed.until_closed()
        await patient.call("system.hello", token=token)


async def test_a_flood_of_strangers_leaves_no_session_behind_and_lets_who_has_a_token_in(
    path: Path, node: FakeNode
) -> None:
    bots, token = path.with_name("b"), await shown(node, "read")
    flood = [socket.socket(socket.AF_UNIX) for _ in range(300)]
    try:
        for number, stranger in enumerate(flood):
            stranger.setblocking(False)
            with suppress(BlockingIOError):
                stranger.connect(os.fspath(bots))
            if number % 50 == 0:
                await anyio.lowlevel.checkpoint()
        async with connect(bots) as client:
            await client.call("system.hello", token=token)
            assert await client.call("system.stats")
            assert await alive(path)
            assert node.gauges["rpc_calls"].show("rpc_calls")["rpc_calls"] <= 4
    finally:
        for stranger in flood:
            stranger.close()


def test_a_group_may_open_the_socket_and_not_write_beside_it(folder: Path) -> None:
    group = grp.getgrgid(os.getegid()).gr_name
    with listening(folder / "bots" / "s", group):
        socket, around = (folder / "bots" / "s").stat(), (folder / "bots").stat()
        assert (stat.S_IMODE(socket.st_mode), socket.st_gid) == (0o660, os.getegid())
        assert (stat.S_IMODE(around.st_mode), around.st_gid) == (0o750, os.getegid())


@pytest.mark.parametrize(("mode", "error"), [(0o700, ConfigError), (0o770, UnsafePath)])
def test_a_folder_that_the_group_cannot_enter_or_may_write_to_is_refused(
    folder: Path, mode: int, error: type[Exception]
) -> None:
    (folder / "bots").mkdir()
    (folder / "bots").chmod(mode)
    with pytest.raises(error), listening(folder / "bots" / "s", grp.getgrgid(os.getegid()).gr_name):
        pass


@pytest.mark.parametrize("place", ["dangling/s", "file/s", "long/" + "x" * 120])
@pytest.mark.parametrize("group", ["", grp.getgrgid(os.getegid()).gr_name])
def test_a_socket_that_cannot_be_is_told_by_the_key_that_asks_for_it(folder: Path, place: str, group: str) -> None:
    (folder / "dangling").symlink_to(folder / "nowhere" / "s")
    (folder / "file").touch()
    (folder / "long").mkdir()
    with (
        pytest.raises((ConfigError, UnsafePath), match=r"rpc\.bots_socket|cannot be made"),
        listening(folder / place, group, "rpc.bots_socket"),
    ):
        pass


async def test_the_owners_socket_cannot_be_that_of_bots_too(served: Serve, folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"rpc\.bots_socket: .* is the owner's own, rpc\.socket; choose another one"):
        async with served(bots_socket=folder / "run" / "s"):
            pass


def test_a_group_that_does_not_exist_is_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no group 'mepassa-nobody'"), listening(folder / "s", "mepassa-nobody"):
        pass
