"""Junk in the configuration: a configuration, or one named error."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mepassad.config.load import load
from mepassad.config.model import Config
from mepassad.errors import ConfigError
from mepassad.plugins import discover

HOME = {"HOME": "/home/ana"}
WORDS = st.sampled_from(
    [
        "node",
        "rpc",
        "plugins",
        "transport_memory",
        "name",
        "1",
        "!",
        "&a",
        "*a",
        "#",
        "[",
        "]",
        "{",
        "}",
        '"',
        ": ",
        "- ",
        "\n",
        "  ",
    ]
)
JUNK = (
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.lists(WORDS, max_size=40).map(lambda words: "".join(words).encode())
)


def sentence_of(path: Path | None, environ: dict[str, str]) -> str | None:
    try:
        loaded, _ = load(path, environ, discover())
    except ConfigError as error:
        return error.sentence
    assert isinstance(loaded.config, Config)
    return None


@given(JUNK)
def test_any_bytes_are_a_configuration_or_one_named_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "junk.yaml"
    path.write_bytes(data)
    assert (sentence_of(path, HOME) or "fine").encode()


@given(st.text(max_size=20), st.text(max_size=60))
def test_any_variable_is_a_value_or_one_named_error(name: str, value: str) -> None:
    assert "MEPASSAD__" in (sentence_of(None, {**HOME, f"MEPASSAD__{name}": value}) or "MEPASSAD__")
