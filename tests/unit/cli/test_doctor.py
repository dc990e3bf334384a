"""`mepassad doctor`: each thing that keeps a node from working is named, with the command that mends it."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mepassad import doctor
from mepassad.cli.main import cli
from mepassad.config.load import load
from mepassad.config.model import Config
from mepassad.doctor import BEGAN
from mepassad.findings import Finding, editing
from mepassad.lock import hold, holder
from mepassad.plugins import discover

EDIT = editing(Path("c.yaml"))
NODE = "12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X"


def folder(place: Path) -> Path:
    """A data folder as the node makes it."""
    keys = place / "data" / "keys"
    keys.mkdir(0o700, parents=True)
    keys.parent.chmod(0o700)
    (keys / "node.key").touch(0o600)
    return keys.parent


def states(found: list[Finding]) -> list[str]:
    return [one.state for one in found]


def test_a_clock_before_what_was_written_is_bad(tmp_path: Path) -> None:
    data = folder(tmp_path)
    assert doctor.clock(data, BEGAN + 1).state in ("ok", "warning")
    (data / "node.db").touch()
    os.utime(data / "node.db", (BEGAN + 10_000, BEGAN + 10_000))
    assert doctor.clock(data, BEGAN + 1).state == "bad"
    assert doctor.clock(data, BEGAN - 1).mend == "sudo timedatectl set-ntp true"


@pytest.mark.parametrize(("free", "state"), [(1 << 40, "ok"), ((1 << 30) - 1, "warning"), ((64 << 20) - 1, "bad")])
def test_room_on_the_disk(tmp_path: Path, free: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: type("Usage", (), {"free": free}))
    found = doctor.disk(tmp_path / "not" / "yet")
    assert (found.state, bool(found.mend)) == (state, state != "ok")


def test_key_files_that_others_may_open_are_named_with_what_closes_them(tmp_path: Path) -> None:
    data = folder(tmp_path)
    assert states(list(doctor.keys(data, "mepassad"))) == ["ok"]
    (data / "keys" / "node.key").chmod(0o640)
    (data / "keys").chmod(0o750)
    found = list(doctor.keys(data, "mepassad"))
    assert [one.mend for one in found] == [f"chmod 700 {data}/keys", f"chmod 600 {data}/keys/node.key"]
    assert states(found) == ["bad", "bad"]
    assert states(list(doctor.keys(tmp_path / "none", "mepassad"))) == ["warning"]


def test_a_port_that_is_taken_is_bad() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = list(
            doctor.ports([f"/ip4/127.0.0.1/tcp/{port}", "/ip4/127.0.0.1/udp/0/quic-v1", "/ip4/127.0.0.1/tcp/0"], EDIT)
        )
    assert states(found) == ["bad", "ok", "ok"]
    assert found[0].mend.startswith("${EDITOR:-vi} c.yaml  # in transport_libp2p.listen, an address")


@pytest.mark.parametrize(("hard", "state"), [(resource.RLIM_INFINITY, "ok"), (1128, "ok"), (1127, "bad")])
def test_open_files(hard: int, state: str) -> None:
    assert doctor.descriptors(1000, hard).state == state


def run(data: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of the command, for a node that does not run."""
    environ = {
        "MEPASSAD__NODE__DATA_DIR": str(data), "MEPASSAD__PLUGINS": "[transport_libp2p]",
        "MEPASSAD__TRANSPORT_LIBP2P__LISTEN": "[/ip4/127.0.0.1/tcp/0]", "MEPASSAD_CONFIG": "", "LANGUAGE": "C",
        "MEPASSAD__TRANSPORT_LIBP2P__MAX_CONNECTIONS": "1",
    }  # fmt: skip
    result = CliRunner(env=environ).invoke(cli, ["doctor", *arguments], obj=None)
    return result.exit_code, result.output


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A doctor that does not wait long."""
    monkeypatch.setattr(doctor, "PATIENCE", 0.1)


@pytest.mark.usefixtures("impatient")
def test_a_node_that_does_not_answer_is_not_taken_for_one_that_does_not_run(tmp_path: Path) -> None:
    def state() -> str:
        return doctor.asked(doctor.asking(tmp_path / "sock"), tmp_path, "mepassad")[1].state

    assert state() == "warning"
    with socket.socket(socket.AF_UNIX) as node:
        node.bind(str(tmp_path / "sock"))
        assert state() == "warning"  # nobody listens there any more
        node.listen()
        assert state() == "bad"


def silent(folder: Path) -> str:
    """The cure for a node that does not answer."""

    def ask(method: str) -> None:
        raise TimeoutError

    return doctor.asked(ask, folder, "mepassad")[1].mend


def test_a_node_that_does_not_answer_is_woken_or_ended_by_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "UNITS", (tmp_path / "unit",))
    assert silent(tmp_path).startswith("pgrep -af mepassad  # ")
    with hold(tmp_path):
        assert silent(tmp_path).startswith(f"kill {os.getpid()}  # ")
        (tmp_path / "unit").touch()
        assert silent(tmp_path) == "sudo systemctl restart mepassad"
    assert holder(tmp_path) is None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        try:
            os.kill(child.pid, signal.SIGSTOP)
            os.waitpid(child.pid, os.WUNTRACED)
            monkeypatch.setattr(doctor, "holder", lambda folder: child.pid)
            assert silent(tmp_path) == f"kill -CONT {child.pid}"
        finally:
            child.kill()


@pytest.mark.usefixtures("impatient")
def test_ports_are_not_tried_while_a_node_has_them(tmp_path: Path) -> None:
    pytest.importorskip("mepassad_transport_libp2p")
    data = folder(tmp_path)
    (data / "run").mkdir(0o700)
    with socket.socket(socket.AF_UNIX) as node:
        node.bind(str(data / "run" / "mepassad.sock"))
        node.listen()
        code, shown = run(data, "--json")
    found = {one["about"]: one["state"] for one in json.loads(shown)}
    assert (code, found["node"], "port" in found) == (1, "bad", False)


LOOK = """
import json, os, pathlib, sys
from mepassad import doctor
data = pathlib.Path(sys.argv[1])
os.setresuid(65_534, 65_534, 65_534)
found = [doctor.clock(data, 2e9), doctor.disk(data), *doctor.keys(data, "mepassad")]
found.append(doctor.asked(doctor.asking(data / "run" / "mepassad.sock"), data, "mepassad")[1])
print(json.dumps({one.about: [one.state, one.mend] for one in found}))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_whoever_may_not_look_is_told_as_whom_to_look() -> None:
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        done = subprocess.run([sys.executable, "-c", LOOK, folder(Path(place))], capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert found["clock"] == ["unknown", "sudo -u '#0' mepassad doctor"]
    assert found["keys"] == ["bad", "sudo -u '#0' mepassad doctor"]
    assert found["node"] == ["unknown", "sudo -u '#0' mepassad doctor"]
    assert found["disk"][0] in ("ok", "warning", "bad")


def test_paths_in_commands_are_quoted(tmp_path: Path) -> None:
    data = folder(tmp_path / "my data")
    (data / "keys" / "node.key").chmod(0o644)
    assert [one.mend for one in doctor.keys(data, "mepassad")] == [f"chmod 600 '{data}/keys/node.key'"]


def test_a_pass_that_cannot_be_used_is_named_with_what_mends_it(tmp_path: Path) -> None:
    file = tmp_path / "my pass"
    config = Config(pass_file=file)

    def found() -> list[tuple[str, str]]:
        return [(one.why.split(" ", 1)[0], one.mend) for one in doctor.files(config, EDIT)]

    typed = f"install -m 600 /dev/stdin '{file}'  # type the pass, Enter and Ctrl-D"
    assert found() == [("pass_file:", typed)]
    file.write_text("a pass of 16 or more")
    file.chmod(0o644)
    assert found() == [("pass_file:", f"chmod 600 '{file}'")]
    file.chmod(0o600)
    assert found() == []
    file.write_text("a pass of 15 ch")
    assert found() == [("pass_file:", typed)]


def test_a_port_for_metrics_that_is_taken_is_bad_while_the_node_is_off(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        file.write_text(f"node: {{data_dir: {tmp_path}}}\nmetrics: {{port: {port}}}\n")
        loaded, _plugins = load(file, {"HOME": str(tmp_path)}, discover())

        def found(stats: dict[str, Any] | None) -> list[str]:
            return [one.mend for one in doctor.examine(loaded, file, lambda method: stats) if one.about == "port"]

        assert found(None) == [f"${{EDITOR:-vi}} {file}  # metrics.port: a port that is free"]
        assert found({"links": 0}) == []


def test_without_a_configuration_the_cure_begins_one() -> None:
    mend = editing(None)("mailboxes: []")
    assert mend.startswith("mepassad --config config.yaml init --profile home && ${EDITOR:-vi} config.yaml")


@pytest.mark.parametrize(
    ("config", "warned"),
    [
        ("", ["bootstrap", "mailbox"]),
        ("roles: [mailbox]", []),
        (f"mailboxes: [/ip4/127.0.0.1/tcp/1/p2p/{NODE}]", []),
    ],
)
def test_what_a_server_does_for_others_is_no_lack_of_its_own_and_mailboxes_are_a_directory_too(
    tmp_path: Path, config: str, warned: list[str]
) -> None:
    pytest.importorskip("mepassad_transport_libp2p")
    file = tmp_path / "config.yaml"
    file.write_text(f"node: {{data_dir: {tmp_path}}}\nplugins: [transport_libp2p]\n{config}\n")
    loaded, _plugins = load(file, {"HOME": str(tmp_path)}, discover())
    found = doctor.examine(loaded, file, lambda method: None)
    assert [one.about for one in found if one.about in ("bootstrap", "mailbox") and one.state == "warning"] == warned


def test_the_first_column_is_in_the_users_language_and_json_is_not(tmp_path: Path) -> None:
    data = folder(tmp_path)
    environ = {"MEPASSAD__NODE__DATA_DIR": str(data), "MEPASSAD_CONFIG": "", "LANGUAGE": "pt_BR"}
    shown = CliRunner(env=environ).invoke(cli, ["doctor"], obj=None).output
    assert "relógio" in shown
    assert "clock" not in shown
    listed = json.loads(CliRunner(env=environ).invoke(cli, ["doctor", "--json"], obj=None).output)
    assert listed[0]["about"] == "clock"


def test_the_command_shows_a_line_for_each_and_what_mends_it_and_ends_with_1_where_something_is_bad(
    tmp_path: Path,
) -> None:
    pytest.importorskip("mepassad_transport_libp2p")
    data = folder(tmp_path)
    code, shown = run(data)
    assert code == 0, shown
    assert "keys" in shown
    (data / "keys" / "node.key").chmod(0o644)
    code, shown = run(data)
    assert code == 1
    assert f"$ chmod 600 {data}/keys/node.key" in shown
    code, shown = run(data, "--json")
    found = json.loads(shown)
    assert {"about": "keys", "state": "bad"}.items() <= next(one for one in found if one["state"] == "bad").items()
    assert [one["about"] for one in found] == [
        "clock", "disk", "keys", "node", "port", "descriptors", "bootstrap", "mailbox", "nat",
    ]  # fmt: skip
