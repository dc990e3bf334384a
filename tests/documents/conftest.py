"""What tests of documents have: the blocks that they are marked to run, all of which they must then look at."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.documents.blocks import Block, blocks


def marked(item: pytest.Item) -> list[Block]:
    """The blocks that a test is marked to run, in the order of its marks."""
    marks = reversed([*item.iter_markers("runs")])
    return [block for mark in marks for block in blocks(*mark.args, **mark.kwargs)]


@pytest.fixture
def texts(request: pytest.FixtureRequest) -> list[str]:
    """What stands in them."""
    return [block.text for block in marked(request.node)]


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short path: a socket's has 107 bytes."""
    return tmp_path_factory.mktemp("d")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A test passed: then it has looked at all that it is marked to run."""
    yield
    unread = [str(block) for block in marked(item) if not block.was_read]
    assert unread == [], "the test is marked to run these blocks, but does not"
