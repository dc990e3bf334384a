"""docs/operations.md: the configurations that it shows make the nodes that it tells of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.daemon import MEPASSAD, Fleet, free_address, run
from tests.documents.blocks import ROOT, blocks

pytest.importorskip("mepassad_transport_libp2p")

DOCUMENT = "docs/operations.md"
HEADING = "A mailbox node"


@pytest.fixture
def configurations(tmp_path: Path) -> list[Path]:
    """Each as a file, with the pass where it says and its data in the test's folder."""
    (tmp_path / "mailbox.pass").touch(0o600)
    (tmp_path / "mailbox.pass").write_text("0123456789abcdef0123456789abcdef\n")
    made = []
    for number, block in enumerate(blocks(DOCUMENT, HEADING, "yaml")):
        path = tmp_path / f"{number}.yaml"
        path.write_text(
            f"node: {{data_dir: {tmp_path / str(number)}}}\n" + block.text.replace("/etc/mepassad", str(tmp_path))
        )
        made.append(path)
    return made


@pytest.mark.runs(DOCUMENT, HEADING, "yaml")
def test_the_configurations_of_a_mailbox_node_are_right(configurations: list[Path]) -> None:
    assert len(configurations) == 2
    for path in configurations:
        checked = run(MEPASSAD, "--config", path, "check-config")
        assert checked.returncode == 0, checked.stderr


@pytest.mark.runs(DOCUMENT, "A bootstrap node", "yaml")
@pytest.mark.runs(DOCUMENT, "Seeing how a node does", "yaml")
def test_the_other_configurations_are_right_too(tmp_path: Path) -> None:
    found = [*blocks(DOCUMENT, "A bootstrap node", "yaml"), *blocks(DOCUMENT, "Seeing how a node does", "yaml")]
    assert len(found) == 2
    for number, block in enumerate(found):
        path = tmp_path / f"{number}.yaml"
        path.write_text(f"node: {{data_dir: {tmp_path / str(number)}}}\n{block.text}")
        checked = run(MEPASSAD, "--config", path, "check-config")
        assert checked.returncode == 0, checked.stderr


@pytest.mark.runs(DOCUMENT, "A relay", "yaml")
async def test_the_configuration_of_a_relay_makes_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    (block,) = blocks(DOCUMENT, "A relay", "yaml")
    section = yaml.safe_load(block.text)
    section["transport_libp2p"]["listen"] = [free_address()]
    with Fleet(tmp_path_factory.mktemp("f")) as fleet:
        daemon = fleet.daemon("server", **section).start()
        async with daemon.session() as rpc:
            assert (await rpc.call("system.stats"))["relays"]["transport_libp2p"]["places"] == 0


def test_a_mailbox_node_prints_the_line_that_the_document_shows(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    (shown,) = re.findall(r"^    (mailboxes: \[/ip4/)", (ROOT / DOCUMENT).read_text(), re.MULTILINE)
    with Fleet(tmp_path_factory.mktemp("f")) as fleet:
        assert f"\n{shown}" in fleet.daemon("server", roles=["mailbox"]).start().out()
