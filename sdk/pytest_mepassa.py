"""The pytest plugin of mepassa: the fixture `bot_tester`, and tests that use it may be `async def` as they are.

A module of its own, so that pytest need not import the SDK where no test asks for it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mepassa.testing import BotTester


@pytest.fixture
def bot_tester(request: pytest.FixtureRequest) -> Callable[..., BotTester]:
    """`async with bot_tester("bot.py") as t:` — a path is relative to the test's file; else as `BotTester`."""
    from mepassa.testing import BotTester

    def make(bot: Any, **options: Any) -> BotTester:
        if isinstance(bot, str | Path) and (beside := request.path.parent / bot).exists():
            bot = beside
        return BotTester(bot, **options)

    return make


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: Any) -> None:
    """Run coroutines that use the fixture by anyio's own plugin, on asyncio: the node behind it needs that."""
    if inspect.iscoroutinefunction(obj) and "bot_tester" in inspect.signature(obj).parameters:
        pytest.mark.anyio(obj)
        pytest.mark.parametrize("anyio_backend", ["asyncio"])(obj)
