"""What flows have: daemons of one test, and daemons that the tests of a module share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daemon import Fleet, Friends


@pytest.fixture
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Daemons of one test."""
    with Fleet(tmp_path_factory.mktemp("f")) as fleet:  # a short path: a socket's has 107 bytes
        yield fleet


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Daemons that the tests of a module share."""
    with Fleet(tmp_path_factory.mktemp("m")) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def friends(shared: Fleet) -> Friends:
    """Two daemons that the tests of a module share, whose accounts are contacts."""
    return Friends(*shared.start("ana", "bruno"))


@pytest.fixture
def fresh_friends(fleet: Fleet) -> Friends:
    """Two daemons of one test whose accounts are contacts."""
    return Friends(*fleet.start("ana", "bruno"))
