"""The tests' own clock: it stands still, and wakes sleepers when it is advanced."""

from __future__ import annotations

import anyio
import pytest

from mepassad.testing.clock import START, ManualClock


async def sleeper(clock: ManualClock, seconds: float, woken: list[float]) -> None:
    await clock.sleep(seconds)
    woken.append(seconds)


async def test_sleepers_wake_when_their_time_has_come_and_not_before() -> None:
    clock, woken = ManualClock(), []
    async with anyio.create_task_group() as tasks:
        for seconds in (5.0, 2.0, 9.0):
            tasks.start_soon(sleeper, clock, seconds, woken)
        await anyio.wait_all_tasks_blocked()
        assert clock.waits == (2.0, 5.0, 9.0)
        clock.advance(4.9)
        await anyio.wait_all_tasks_blocked()
        assert woken == [2.0]
        clock.advance(0.1)
        await anyio.wait_all_tasks_blocked()
        assert woken == [2.0, 5.0]
        tasks.cancel_scope.cancel()
    assert clock.waits == ()


async def test_setting_the_wall_clock_wakes_nobody() -> None:
    clock = ManualClock()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sleeper, clock, 5.0, [])
        await anyio.wait_all_tasks_blocked()
        clock.jump(-1000)
        assert (clock.now(), clock.monotonic(), clock.waits) == (START - 1000, 0.0, (5.0,))
        tasks.cancel_scope.cancel()


async def test_a_sleep_of_nothing_returns() -> None:
    clock = ManualClock()
    await clock.sleep(0)
    await clock.sleep(-1)
    assert clock.monotonic() == 0


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="back"):
        ManualClock().advance(-1)
