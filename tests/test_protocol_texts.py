"""What the texts of the protocol say in numbers is what the code does, and no number of the code is kept from them."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from mepassad.builtin.crypto_signal import signal_pb2
from mepassad.config.describe import describe_keys
from mepassad.config.model import Config

ROOT = Path(__file__).parents[1]
PROTOCOL = ROOT / "docs" / "protocol"
ROW = re.compile(r"^\| ([0-9.,]+(?: · [0-9.,]+)*) \| .* \| .*?((?:`[\w.]+` ?)+)\|$", re.MULTILINE)
# Whose numbers another node can notice, or depends on.
WATCHED = ("wire", "builtin/crypto_signal")
# The same of the transport, whose names begin with that of the plugin: the DHT, relays and hole punching.
PLUGIN = "transport_libp2p"
OF_PLUGIN = (
    "kad", "kad_calls", "kad_lookup", "kad_shelf", "kad_table", "kad_wire",
    "relays", "lent", "reaching", "climbing", "compat/circuit", "compat/punch", "compat/relay_client",
    "compat/relay_server",
)  # fmt: skip
# Units and alphabets.
OTHERS = {"DIGITS", "DAY"}


def documented() -> dict[str, tuple[float, ...]]:
    """Every name in the table of limits, with its number or numbers."""
    found: dict[str, tuple[float, ...]] = {}
    for numbers, names in ROW.findall((PROTOCOL / "limits.md").read_text()):
        values = tuple(float(number.replace(",", "")) for number in numbers.split(" · "))
        found.update(dict.fromkeys(re.findall(r"`([\w.]+)`", names), values))
    return found


def in_code(name: str) -> tuple[float, ...] | None:
    """The number or numbers of a constant, None when it is none of that kind."""
    module, _, constant = name.rpartition(".")
    package = "mepassad_" if module.startswith(PLUGIN) else "mepassad."
    value = getattr(importlib.import_module(package + module), constant)
    many = tuple(value.values()) if isinstance(value, Mapping) else value if isinstance(value, tuple) else (value,)
    numbers = [float(one) for one in many if isinstance(one, int | float) and not isinstance(one, bool)]
    return tuple(numbers) if numbers and len(numbers) == len(many) else None


def constants() -> list[str]:
    """Every number that the watched modules name for others, too."""
    core, plugin = ROOT / "mepassad", ROOT / "plugins" / PLUGIN / f"mepassad_{PLUGIN}"
    paths = sorted(path for folder in WATCHED for path in (core / folder).glob("*.py"))
    names = [name for path in paths if not path.stem.endswith("_pb2") for name in assigned(path, core)]
    if plugin.is_dir():
        names += [f"{PLUGIN}.{name}" for module in OF_PLUGIN for name in assigned(plugin / f"{module}.py", plugin)]
    return [name for name in names if name.rpartition(".")[2] not in OTHERS and in_code(name) is not None]


def assigned(path: Path, package: Path) -> list[str]:
    """The constants that a module names, with the module's own name in its package."""
    module = ".".join(path.relative_to(package).with_suffix("").parts)
    written = [
        target for node in ast.parse(path.read_text()).body if isinstance(node, ast.Assign) for target in node.targets
    ]
    targets = [one for target in written for one in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [
        f"{module}.{target.id}" for target in targets if isinstance(target, ast.Name) and re.match("[A-Z]", target.id)
    ]


def test_the_table_of_limits_is_read() -> None:
    assert len(documented()) >= 60
    assert {"wire.identity.MAX_DEVICES", "builtin.crypto_signal.ratchet.MAX_GAP"} <= set(constants())
    if (ROOT / "plugins").is_dir():
        assert {f"{PLUGIN}.kad_wire.MAX_REQUEST", f"{PLUGIN}.compat.punch.MAX_ADDRESSES"} <= set(constants())


@pytest.mark.parametrize("name", constants())
def test_a_number_of_the_wire_is_in_the_table_of_limits(name: str) -> None:
    assert name in documented()


@pytest.mark.parametrize("name", sorted(documented()))
def test_a_number_in_the_table_of_limits_is_that_of_the_code(name: str) -> None:
    if name.startswith(PLUGIN):
        pytest.importorskip(f"mepassad_{PLUGIN}")
    assert documented()[name] == in_code(name)


def test_what_the_operator_sets_is_in_the_table_of_limits_with_its_default() -> None:
    text = (PROTOCOL / "limits.md").read_text().rpartition("## What the operator sets")[2]
    said = {name: int(value.replace(",", "")) for name, value in re.findall(r"`(\w+\.\w+)` \(([0-9,]+)", text)}
    defaults = {info.key: info.default for info in describe_keys(Config)}
    assert said == {name: defaults[name] for name in said}
    assert said.keys() == set(re.findall(r"`(\w+\.\w+)`", text)) - {"config.yaml"}


def test_the_texts_name_every_field_of_prekeys_and_handshake_with_its_number() -> None:
    text = "".join((PROTOCOL / f"{name}.md").read_text() for name in ("prekeys", "handshake"))
    for message in signal_pb2.DESCRIPTOR.message_types_by_name.values():
        assert f"`{message.name}`" in text
        for field in message.fields:
            assert re.search(rf"\b{field.number} `{field.name}`", text), f"{message.name}.{field.name}"
