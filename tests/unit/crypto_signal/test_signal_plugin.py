"""The plugin as the core loads it, its labels, and its documents."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from mepassad.api import PluginContext
from mepassad.builtin.crypto_signal import keys, labels, plugin
from mepassad.errors import CryptoUnsupported

DOCS = Path(__file__).parents[3] / "docs" / "protocol"
LABELS = {name: value for name, value in vars(labels).items() if name.isupper()}
CONTEXT = cast("PluginContext", None)  # the engine uses nothing of it


def config(name: str) -> Any:
    return SimpleNamespace(crypto=SimpleNamespace(plugin=name))


async def test_the_engine_is_provided_when_the_configuration_names_it() -> None:
    component = plugin.provide_crypto(config("signal"))
    assert component is not None
    async with component(CONTEXT) as engine:
        assert engine.name == "signal"
        assert "pq" in engine.capabilities


def test_another_engine_is_left_to_others() -> None:
    assert plugin.provide_crypto(config("olm")) is None


async def test_the_engine_does_not_start_without_ml_kem(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise UnsupportedAlgorithm("no ML-KEM")

    monkeypatch.setattr(keys, "kem_public", unsupported)
    component = plugin.provide_crypto(config("signal"))
    assert component is not None
    with pytest.raises(CryptoUnsupported):
        async with component(CONTEXT):
            raise AssertionError("it started")


def test_no_label_begins_another() -> None:
    values = list(LABELS.values())
    for value in values:
        assert [other for other in values if other.startswith(value)] == [value]


def test_every_label_is_in_the_protocol_documents() -> None:
    text = "".join((DOCS / f"{name}.md").read_text() for name in ("prekeys", "handshake", "ratchet"))
    for value in LABELS.values():
        assert f"`{value.decode()}`" in text
