"""`mepassad check-config`: what is wrong on this machine with a configuration whose words are right."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mepassad.cli.main import main

PASS = "a pass of 16 or more"


def check(place: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code of the command, and all that it says."""
    file = place / "config.yaml"
    file.write_text(f"node: {{data_dir: {place / 'data'}}}\n{text}")
    with pytest.raises(SystemExit) as left:
        main(["--config", str(file), "check-config"])
    shown = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, (shown.out + shown.err).replace(f"{place}/", "")


def test_a_pass_that_is_not_there_or_that_others_may_read_is_named_with_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("mepassad_transport_libp2p")
    mine, serving = tmp_path / "mine", tmp_path / "serving"
    text = (
        "pass_file: mine\nroles: [relay, mailbox]\nplugins: [transport_libp2p]\n"
        "relay: {admit: pass, pass_file: serving}\nmailbox: {admit: pass, pass_file: serving}\n"
    )
    mine.write_text(PASS)
    mine.chmod(0o644)
    code, said = check(tmp_path, text, capsys)
    assert (code, said.count("serving: there is no such file")) == (2, 2)
    assert "config.yaml:2: pass_file: mine can be read by others; run: chmod 600 mine" in said
    assert "3 errors in the configuration" in said
    for one in (mine, serving):
        one.touch(0o600)
        one.chmod(0o600)
        one.write_text(PASS)
    assert check(tmp_path, text, capsys)[0] == 0
    serving.unlink()
    assert check(tmp_path, text.replace("[relay, mailbox]", "[bootstrap]"), capsys)[0] == 0


def test_a_port_for_metrics_that_is_taken_or_that_the_node_listens_on_itself_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("mepassad_transport_libp2p")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, said = check(tmp_path, f"metrics: {{port: {port}}}", capsys)
        assert (code, f"config.yaml:2: metrics.port: nobody can listen at 127.0.0.1, port {port}" in said) == (2, True)
        with socket.socket(socket.AF_UNIX) as node:  # it runs, so that the port is its own
            (tmp_path / "data" / "run").mkdir(parents=True)
            node.bind(str(tmp_path / "data" / "run" / "mepassad.sock"))
            node.listen()
            assert check(tmp_path, f"metrics: {{port: {port}}}", capsys)[0] == 0
    section = f"plugins: [transport_libp2p]\ntransport_libp2p: {{listen: [/ip4/0.0.0.0/tcp/{port}]}}\n"
    code, said = check(tmp_path, f"{section}metrics: {{port: {port}}}", capsys)
    assert (code, f"{port} is the port of /ip4/0.0.0.0/tcp/{port} too" in said) == (2, True)
    assert check(tmp_path, f"{section}metrics: {{port: {port}, host: '::1'}}", capsys)[0] == 0


def test_an_address_to_listen_on_that_is_taken_is_named_while_the_node_is_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("mepassad_transport_libp2p")
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"/ip4/127.0.0.1/tcp/{other.getsockname()[1]}"
        text = f"plugins: [transport_libp2p]\ntransport_libp2p: {{listen: [{address}]}}\n"
        code, said = check(tmp_path, text, capsys)
        told = f"config.yaml:3: transport_libp2p.listen: nobody can listen on {address} (another program already "
        assert (code, told in said) == (2, True), said
        with socket.socket(socket.AF_UNIX) as node:  # it runs, so that the port is its own
            (tmp_path / "data" / "run").mkdir(parents=True)
            node.bind(str(tmp_path / "data" / "run" / "mepassad.sock"))
            node.listen()
            assert check(tmp_path, text, capsys)[0] == 0


def test_who_serves_others_must_listen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mepassad_transport_libp2p")
    text = "roles: [mailbox]\nplugins: [transport_libp2p]\ntransport_libp2p: {{listen: {}}}\n"
    code, said = check(tmp_path, text.format("[]"), capsys)
    assert (code, "transport_libp2p.listen: whom `roles` serves must reach this node" in said) == (2, True)
    assert check(tmp_path, text.format("[/ip4/127.0.0.1/tcp/0]"), capsys)[0] == 0
