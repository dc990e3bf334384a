"""docs/bots.md, how a bot is begun and run: beside a real node, with a token, inside the daemon, and under systemd."""

from __future__ import annotations

import grp
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from mepassad.testing.rpc_client import RpcClient
from tests.daemon import MEPASSAD, Daemon, Fleet, run
from tests.documents.blocks import blocks
from tests.documents.shell import environment, mapped, terminal
from tests.documents.test_service import UNIT, machine, why_not
from tests.flows.test_bots_in_the_daemon import hears, meet
from tests.terminal import Terminal

BOTS = "docs/bots.md"
ACCOUNT = re.compile(r"Account: (mp1\w+)")
LINK = re.compile(r"mepassa:i/1/\S+")


def first_bot() -> str:
    """The source of the page's first bot."""
    (block,) = blocks(BOTS, "First lines", "python")
    return block.text


@contextmanager
def typed(block: str, node: Daemon, place: Path) -> Iterator[Terminal]:
    """A block at a terminal, in a folder, beside a node."""
    with terminal(block, place, environment(place, MEPASSAD_SOCKET=str(node.socket), CI="")) as shown:
        yield shown


@pytest.mark.runs(BOTS, "First lines", "sh")
def test_a_bot_is_begun_tested_run_and_talked_to(texts: list[str], place: Path) -> None:
    begin, talk = texts
    with Fleet(place) as fleet:
        (node,) = fleet.start("node", plugins=[])
        with typed(begin, node, place) as running:
            running.until(" passed")
            running.until("The 24 words of its new account are in ")
            running.until("mepassa chat ")
            running.until("\n")
            (link,) = LINK.findall(running.shown)
            with typed(mapped(talk, {"mepassa:i/1/…": link}), node, place) as talking:
                talking.until("> ")
                talking.press("//ping\n")
                talking.until("pong")


@pytest.mark.runs(BOTS, "Running: as another user")
async def test_a_bot_with_a_token_answers_until_it_is_revoked(texts: list[str], place: Path) -> None:
    config, make, start = texts
    told = yaml.safe_load(config)["rpc"]
    assert told.keys() == {"bots_socket", "bots_group"}
    rpc = {"bots_socket": str(place / "bots" / "s"), "bots_group": grp.getgrgid(os.getgid()).gr_name}
    (place / "bot.py").write_text(first_bot())
    with Fleet(place) as fleet:
        (node,) = fleet.start("node", plugins=[], rpc=rpc)
        account, token = make.splitlines()
        with typed(account, node, place) as shown:
            assert shown.exit_code() == 0, shown.shown
            (made,) = ACCOUNT.findall(shown.shown)
        with typed(mapped(token, {"mp1…": made}), node, place) as shown:
            assert shown.exit_code() == 0, shown.shown
        async with node.session() as owner:
            with typed(mapped(start, {told["bots_socket"]: rpc["bots_socket"]}), node, place) as running:
                await talked(owner)
                (item,) = (await owner.call("tokens.list"))["items"]
                assert (item["account"], item["scopes"]) == (made, ["write"])
                await owner.call("tokens.revoke", token_id=item["token_id"])
                running.until("was revoked")
                assert running.exit_code() == 1


async def talked(owner: RpcClient) -> None:
    """The owner writes to the bot of the node, which answers."""
    bot = await meet(owner)
    await owner.call("messages.send", contact=bot, text="oi")
    await hears(owner, bot, ["You said: oi"])


@pytest.mark.runs(BOTS, "Running: inside the daemon")
async def test_bots_of_the_configuration_are_checked_and_answer(texts: list[str], place: Path) -> None:
    shown = yaml.safe_load(texts[0])["bots"]
    with Fleet(place) as fleet:
        (node,) = fleet.start("node", plugins=[], bots=shown)
        file = node.folder / shown[0]["file"]  # which is relative to the folder of config.yaml
        checked = run(MEPASSAD, "--config", node.config_file, "check-config")
        assert (checked.returncode, f"there is no file {file}" in checked.stderr) == (2, True)
        assert node.stop() == 0
        file.parent.mkdir()
        file.write_text(first_bot())
        assert run(MEPASSAD, "--config", node.config_file, "check-config").returncode == 0
        node.start()
        async with node.session() as owner:
            await talked(owner)
        assert f"There is no module {shown[1]['module']}" in node.log()


@pytest.mark.timeout(240)  # on cores that others use as well; alone it takes half a minute
@pytest.mark.skipif(bool(why_not()), reason=why_not())
@pytest.mark.runs(BOTS, "Running: under systemd")
def test_a_bot_runs_as_a_user_of_its_own_beside_the_service_of_the_node(texts: list[str], place: Path) -> None:
    users, drop_in, unit, restart, start = texts
    installed, node_unit, node_start = (block.text for block in blocks("README.md", "As a system service"))
    (config,) = blocks(BOTS, "Running: as another user", "yaml")
    keys = config.text.removeprefix("rpc:\n")
    with machine(place) as root:
        root.run(mapped(installed, {"/usr/bin/python3": "/mnt/python/bin/python3"}))
        root.run(f"cat > {UNIT} <<'END'\n{node_unit}END")
        root.run(node_start)
        root.run(f"cat > bot.py <<'END'\n{first_bot()}END\n{users}")
        root.run("sed -i '/^  bots_\\(socket\\|group\\):/d' /etc/mepassad/config.yaml")  # where a reader changes them
        root.run(f"cat > keys <<'END'\n{keys}END\nsed -i '/^rpc:$/r keys' /etc/mepassad/config.yaml")
        root.run(f"mkdir {UNIT}.d; cat > {UNIT}.d/bots.conf <<'END'\n{drop_in}END")
        root.run(f"cat > /etc/systemd/system/loja.service <<'END'\n{unit}END")
        root.run(restart)
        account, *then = start.splitlines()
        (made,) = ACCOUNT.findall(root.run(account))
        (link,) = LINK.findall(root.run(mapped("\n".join(then), {"mp1…": made})))
        root.run(f"$ask send '{link}' 'bom dia'")
        root.run("until $ask history Loja | grep 'You said: bom dia'; do sleep 1; done")
        assert root.run("stat --format '%U %a' /etc/loja/token /run/mepassad-bots/bots.sock") == (
            "loja 600\nmepassad 660\n"
        )
