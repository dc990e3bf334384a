"""The plugin's hooks and configuration section."""

import subprocess
import sys

import msgspec
import pytest
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.plugin import component, provide_transport, register_config


def test_the_plugin_registers_its_section_and_provides_the_transport() -> None:
    sections: dict[str, object] = {}
    register_config(sections.__setitem__)
    assert sections == {"transport_libp2p": Config}
    assert provide_transport(None) is component


def test_every_key_has_a_default_and_a_description() -> None:
    assert Config()
    schema = msgspec.json.schema(Config)["$defs"]["Config"]
    assert all("description" in key and "default" in key for key in schema["properties"].values())
    assert "required" not in schema or not schema["required"]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("listen", ["/ip4/nowhere/tcp/1"], "'/ip4/nowhere/tcp/1' is no address to listen on"),
        ("bootstrap", ["/ip4/192.0.2.1/tcp/4001"], "names no node"),
        ("bootstrap", ["junk"], "'junk' is no address to dial"),
        ("listen", ["/ip4/127.0.0.1/tcp/0"] * 33, "32"),
        ("max_connections", 0, ">= 1"),
        ("handshake_timeout", 0, "> 0"),
        ("write_high_water", 1023, ">= 1024"),
        ("max_conections", 5, "max_conections"),
    ],
)
def test_a_wrong_value_is_refused_in_words(key: str, value: object, words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({key: value}, Config)
    assert words in str(refused.value)


def test_loading_the_plugin_does_not_load_the_library() -> None:
    code = "import sys, mepassad_transport_libp2p.plugin; print({'libp2p', 'trio', 'multiaddr'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"
