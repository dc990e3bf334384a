"""The plugin's hooks and configuration section."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
import trio
from mepassad_transport_libp2p.bridge import TransportFailed
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.plugin import component, provide_transport, register_config
from running import Running


def test_the_plugin_registers_its_section_and_provides_the_transport() -> None:
    sections: dict[str, object] = {}
    register_config(sections.__setitem__)
    assert sections == {"transport_libp2p": Config}
    assert provide_transport(None) is component


def test_every_key_has_a_default_and_a_description() -> None:
    assert Config()
    schema = msgspec.json.schema(Config, schema_hook=lambda kind: {"type": "string"})["$defs"]["Config"]
    assert all("description" in key and "default" in key for key in schema["properties"].values())
    assert "required" not in schema or not schema["required"]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("listen", ["/ip4/nowhere/tcp/1"], "'/ip4/nowhere/tcp/1' is no address to listen on"),
        ("bootstrap", ["/ip4/192.0.2.1/tcp/4001"], "ends in the node's id"),
        ("bootstrap", ["junk"], "'junk' is no address of a node"),
        ("bootstrap", [f"/ip4/192.0.2.1/tcp/1/p2p/12D3KooW{'x' * 43}"], "A node id has 52 characters, not 51."),
        ("bootstrap", [f"/ip4/192.0.2.1/tcp/70000/p2p/12D3KooW{'x' * 44}"], "is no address of a node"),
        ("listen", ["/ip4/127.0.0.1/tcp/0"] * 33, "32"),
        ("listen", ["/ip4/127.0.0.1/tcp/0/tls/ws"], "name the files tls_certificate and tls_key"),
        ("tls_certificate", "node.pem", "go together"),
        ("max_connections", 0, ">= 1"),
        ("handshake_timeout", 0, "> 0"),
        ("write_high_water", 1023, ">= 1024"),
        ("max_conections", 5, "max_conections"),
    ],
)
def test_a_wrong_value_is_refused_in_words(key: str, value: object, words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({key: value}, Config, dec_hook=lambda kind, text: kind(text))
    assert words in str(refused.value)


def test_the_readme_explains_every_key_with_its_default() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    for key, value in msgspec.to_builtins(Config()).items():
        (row,) = [line for line in readme.splitlines() if line.startswith(f"| `{key}` |")]
        shown = [f"`{item}`" for item in value] if isinstance(value, (list, tuple)) else [_shown(value)]
        assert all(text in row for text in shown)


def _shown(value: float | None) -> str:
    if value is None:
        return "none"
    return f"`{value:g}`" if isinstance(value, float) else f"`{str(value).lower()}`"


async def test_a_crash_of_the_library_is_raised_from_the_component(running: Running) -> None:
    async def crash(*, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        raise ZeroDivisionError

    async def run() -> None:
        async with running(1) as (a,):
            await a.transport._guest.start_task(crash)  # type: ignore[attr-defined]
            await anyio.sleep_forever()

    with anyio.fail_after(30), pytest.RaisesGroup(TransportFailed, flatten_subgroups=True):
        await run()


def test_loading_the_plugin_does_not_load_the_library() -> None:
    code = "import sys, mepassad_transport_libp2p.plugin; print({'libp2p', 'trio', 'multiaddr'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"
