"""Every fenced block of every document is run by a test of this folder."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents.blocks import ROOT, Block, blocks, documents, parse

HERE = Path(__file__).parent


def marks() -> Iterator[tuple[str, pytest.Mark]]:
    """Every mark `runs` in this folder, with the name of its test."""
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(f"tests.documents.{path.stem}")
        for name, found in vars(module).items():
            if name.startswith("test_"):
                for mark in getattr(found, "pytestmark", ()):
                    if mark.name == "runs":
                        yield f"{path.relative_to(ROOT)}::{name}", mark


def unrun(found: list[Block]) -> list[str]:
    """Those of some blocks that no test is marked to run."""
    run = {str(block) for _, mark in marks() for block in blocks(*mark.args, **mark.kwargs)}
    return [str(block) for block in found if str(block) not in run]


def test_every_block_of_every_document_is_run() -> None:
    found = [block for document in documents() for block in blocks(document)]
    assert len(found) > 50
    assert unrun(found) == []


def test_a_block_that_no_test_runs_is_named_by_file_and_line() -> None:
    new = list(parse("README.md", "# A\n\n## New\n\n```sh\ntrue\n```\n"))
    assert unrun(new) == ["README.md:5 (sh, under 'New')"]


def test_no_test_is_marked_to_run_what_is_gone() -> None:
    assert [f"{test}: {mark.args}" for test, mark in marks() if not blocks(*mark.args, **mark.kwargs)] == []


def test_blocks_are_found_in_lists_too_and_one_without_an_end_is_told() -> None:
    (block,) = parse("a.md", "# A\n\n1. one\n\n   ```ini\n   [A]\n     b\n   ```\n")
    assert (block.line, block.heading, block.language, block.text) == (5, "A", "ini", "[A]\n  b\n")
    with pytest.raises(AssertionError, match=r"a\.md:1: this block has no end"):
        list(parse("a.md", "```sh\ntrue\n"))
