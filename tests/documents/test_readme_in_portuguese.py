"""README.pt-BR.md: it says the same commands and the same code as README.md, whose blocks other tests run."""

from __future__ import annotations

import re

import pytest

from tests.documents.blocks import blocks


@pytest.mark.runs("README.pt-BR.md")
def test_both_readmes_say_the_same(texts: list[str]) -> None:
    english = [block.text for block in blocks("README.md")]
    assert [uncommented(text) for text in texts] == [uncommented(text) for text in english]


def uncommented(text: str) -> str:
    """A block without the comments, which are translated."""
    return re.sub(r" *#.*", "", text)
