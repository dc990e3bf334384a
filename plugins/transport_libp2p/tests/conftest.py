"""What every test has: the event loop that the daemon runs on."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
