"""What tests of delivery share."""

from __future__ import annotations

import pytest

from mepassad.testing.directory import SharedDirectory
from mepassad.testing.nodes import Nodes


@pytest.fixture
def shared(nodes: Nodes) -> SharedDirectory:
    """A directory that all nodes of the test know."""
    directory = SharedDirectory()
    nodes.plugins["directory_shared"] = directory
    return directory
