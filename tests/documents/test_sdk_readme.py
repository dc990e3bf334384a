"""sdk/README.md: its client, run as a file beside a real daemon; and the bot that all READMEs show."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mepassad.testing.rpc_client import RpcClient
from tests.daemon import Fleet, eventually
from tests.documents.blocks import ROOT, blocks
from tests.documents.shell import environment
from tests.flows.test_accounts_of_one_node import meet


@pytest.mark.runs("sdk/README.md", "A client")
async def test_the_client_sends_and_prints_what_comes_back(
    texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Fleet(tmp_path_factory.mktemp("s")) as fleet:
        (node,) = fleet.start("node", plugins=[])
        file = fleet.folder / "client.py"
        file.write_text(texts[0])
        async with node.session() as rpc:
            ana = (await rpc.call("identity.show"))["account"]
            bia = (await rpc.call("accounts.create", name="Bia", kind="person"))["account"]
            await meet(rpc, ana, bia)
            with running(file, node.socket) as shown:
                ((sent, text),) = await eventually(lambda: heard(rpc, bia), bool)
                assert text == "bom dia"

                async def answered() -> str:  # again and again: it hears nothing before it has subscribed
                    await rpc.call("messages.send", account=bia, contact=ana, text=text)
                    return shown.read_text()

                await eventually(answered, lambda found: bool(re.match(rf"{sent}\n\d+ {text}\n", found)))


@pytest.mark.runs("sdk/README.md", "A client without async")
async def test_the_client_without_async_lists_and_follows(
    texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Fleet(tmp_path_factory.mktemp("s")) as fleet:
        (node,) = fleet.start("node", plugins=[])
        file = fleet.folder / "client.py"
        file.write_text(texts[0])
        async with node.session() as rpc:
            ana = (await rpc.call("identity.show"))["account"]
            bia = (await rpc.call("accounts.create", name="Bia", kind="person"))["account"]
            await meet(rpc, ana, bia)
            with running(file, node.socket) as shown:

                async def written() -> str:  # again and again: it hears nothing before it has subscribed
                    await rpc.call("messages.send", account=bia, contact=ana, text="oi")
                    return shown.read_text()

                await eventually(written, lambda found: bool(re.match(r"Bia accepted\noi\n", found)))


def test_the_client_without_async_says_where_no_node_is(tmp_path: Path) -> None:
    (block,) = blocks("sdk/README.md", "A client without async")
    environ = environment(tmp_path, MEPASSAD_SOCKET=str(tmp_path / "none"))
    done = subprocess.run(
        [sys.executable, "-c", block.text], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("No mepassad answers on")


@contextmanager
def running(file: Path, socket: Path) -> Iterator[Path]:
    """A file of Python while it runs at a node; where what it shows is written."""
    shown = file.with_suffix(".out")
    environ = environment(file.parent, MEPASSAD_SOCKET=str(socket), PYTHONUNBUFFERED="1")
    with shown.open("w") as out:
        process = subprocess.Popen([sys.executable, file], env=environ, stdout=out, stderr=out)
    try:
        yield shown
        assert process.poll() is None, shown.read_text()
    finally:
        process.kill()
        process.wait()


async def heard(rpc: RpcClient, account: str) -> list[tuple[str, str]]:
    """Id and text of each message that came in for an account."""
    found = (await rpc.call("messages.search", account=account, query="dia"))["items"]
    return [(item["message_id"], item["text"]) for item in found if item["incoming"]]


@pytest.mark.runs("sdk/README.md", "A bot")
def test_the_bot_is_the_example_that_the_readme_shows_too(texts: list[str]) -> None:
    (bot,) = texts
    assert (ROOT / "examples" / "bots" / "echo.py").read_text().endswith(bot)
    assert bot in (ROOT / "README.md").read_text()
