"""The documents for newcomers show code that is the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", ["README.md", "README.pt-BR.md", "sdk/README.md"])
def test_the_bot_in_a_readme_is_the_echo_bot(document: str) -> None:
    example = (ROOT / "examples" / "bots" / "echo.py").read_text()
    assert example.endswith(blocks(document, "python")[0])


def test_both_readmes_say_the_same_commands() -> None:
    def commands(document: str) -> list[str]:
        return [re.sub(r" *#.*", "", block) for block in blocks(document, "sh") + blocks(document, "ini")]

    assert commands("README.md") == commands("README.pt-BR.md")


@pytest.mark.parametrize("document", ["sdk/README.md", "docs/hooks.md"])
def test_code_in_documents_is_valid_python(document: str) -> None:
    for block in blocks(document, "python"):
        if not block.rstrip().endswith(":"):  # the bare line of a signature
            compile(block, document, "exec")
