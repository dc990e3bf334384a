"""What all tests share: mepassad runs on asyncio, and failures in its contract suites show values."""

import pytest

pytest.register_assert_rewrite("mepassad.testing")


@pytest.fixture
def anyio_backend() -> str:
    """The loop that async tests run on."""
    return "asyncio"
