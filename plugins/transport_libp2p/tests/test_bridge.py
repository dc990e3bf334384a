"""The bridge between the asyncio loop and its guest, trio."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
import trio
from mepassad_transport_libp2p.bridge import Guest, TransportFailed, trio_guest

from mepassad.api import StreamClosed
from mepassad.testing.transport_node import until


async def double(number: int) -> int:
    await trio.lowlevel.checkpoint()
    return 2 * number


async def fail(*, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
    task_status.started()
    await trio.lowlevel.checkpoint()
    raise ZeroDivisionError("by a host task")


async def wait_with_a_failing_task() -> None:
    async with trio_guest() as guest:
        await guest.start_task(fail)
        await anyio.sleep_forever()


async def test_a_call_returns_what_the_trio_function_returns() -> None:
    async with trio_guest() as guest:
        assert await guest.call(double, 21) == 42


async def test_its_trio_tasks_are_counted_whoever_started_them() -> None:
    async def family(*, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(trio.sleep_forever)
            task_status.started()

    async def orphan() -> None:
        trio.lowlevel.spawn_system_task(trio.sleep_forever)

    async with trio_guest() as guest:
        await guest.call(trio.lowlevel.checkpoint)
        before = guest.tasks()
        await guest.start_task(family)
        await guest.call(orphan)
        await anyio.wait_all_tasks_blocked()
        assert guest.tasks() - before == 4


async def test_an_exception_of_a_call_passes_and_harms_nothing_else() -> None:
    async with trio_guest() as guest:
        with pytest.raises(ZeroDivisionError):
            await guest.call(fail)
        assert await guest.call(double, 1) == 2


async def test_cancelling_a_call_cancels_the_trio_function() -> None:
    cancelled = anyio.Event()

    async def wait() -> None:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()

    async with trio_guest() as guest:
        with anyio.move_on_after(0.05):
            await guest.call(wait)
        with anyio.fail_after(30):
            await cancelled.wait()
        assert await guest.call(double, 1) == 2


async def test_a_result_that_comes_too_late_is_discarded() -> None:
    discarded: list[int] = []
    done = anyio.Event()

    async def stubborn() -> int:
        with trio.CancelScope(shield=True):
            await trio.sleep(0.1)
        return 7

    def discard(result: int) -> None:
        discarded.append(result)
        done.set()

    async with trio_guest() as guest:
        with anyio.move_on_after(0.01):
            await guest.call(stubborn, discard=discard)
        with anyio.fail_after(30):
            await done.wait()
    assert discarded == [7]


async def test_a_result_that_comes_together_with_the_cancellation_is_discarded() -> None:
    discarded: list[int] = []
    async with trio_guest() as guest:
        task = asyncio.ensure_future(guest.call(give_and(lambda: task.cancel()), discard=discarded.append))
        with pytest.raises(asyncio.CancelledError):
            await task
    assert discarded == [7]


def give_and(act: Callable[[], object]) -> Callable[[], Awaitable[int]]:
    """A trio function that gives 7 while `act` is done before its caller runs again."""

    async def give() -> int:
        await trio.lowlevel.checkpoint()
        asyncio.get_running_loop().call_soon(act)
        return 7

    return give


async def test_a_failing_task_cancels_the_body_and_is_raised_with_its_cause() -> None:
    with (
        anyio.fail_after(30),
        pytest.raises(TransportFailed, match="broke: ZeroDivisionError: by a host") as failed,
    ):
        await wait_with_a_failing_task()
    cause = failed.value.__cause__
    assert isinstance(cause, ExceptionGroup)
    assert cause.subgroup(ZeroDivisionError)


async def test_one_transport_that_fails_leaves_the_others_alone() -> None:
    async with trio_guest() as healthy:
        with pytest.raises(TransportFailed):
            await wait_with_a_failing_task()
        assert await healthy.call(double, 1) == 2


async def test_an_exception_of_the_body_passes_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with trio_guest():
            raise KeyError


async def test_leaving_ends_what_still_runs() -> None:
    ended: list[str] = []

    async def run(*, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            ended.append("task")

    async def wait_for_ever(guest: Guest) -> None:
        with pytest.raises(StreamClosed):
            await guest.call(trio.sleep_forever)
        ended.append("call")

    async with anyio.create_task_group() as tasks, trio_guest() as guest:
        await guest.start_task(run)
        tasks.start_soon(wait_for_ever, guest)
        await anyio.wait_all_tasks_blocked()
    assert sorted(ended) == ["call", "task"]
    with pytest.raises(StreamClosed):
        await guest.call(double, 1)


async def test_the_loop_starts_again_after_its_last_guest_left() -> None:
    for _ in range(3):
        async with trio_guest() as guest:
            assert await guest.call(double, 1) == 2


async def test_a_guest_may_come_while_the_last_one_leaves() -> None:
    async def visit() -> None:
        async with trio_guest() as guest:
            assert await guest.call(double, 1) == 2

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(visit)
            await anyio.sleep(0.001)


async def test_a_thousand_calls_at_once_get_each_its_own_result_or_exception() -> None:
    async def odd_ones_fail(number: int) -> int:
        await trio.sleep(number % 7 / 1000)
        if number % 2:
            raise KeyError(number)
        return number

    async with trio_guest() as guest:
        calls = [guest.call(odd_ones_fail, number) for number in range(1000)]
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert results[::2] == list(range(0, 1000, 2))
    assert [error.args for error in results[1::2] if isinstance(error, KeyError)] == [(n,) for n in range(1, 1000, 2)]


async def test_cancelling_some_of_many_calls_leaves_the_others_alone() -> None:
    release, begun, ended = trio.Event(), list[int](), list[int]()

    async def wait(number: int) -> int:
        begun.append(number)
        try:
            await release.wait()
        except trio.Cancelled:
            ended.append(number)
            raise
        return number

    async with trio_guest() as guest:
        calls = [asyncio.ensure_future(guest.call(wait, number)) for number in range(200)]
        await until(lambda: len(begun) == 200)
        for call in calls[::2]:
            call.cancel()
        await asyncio.wait(calls[::2])
        release.set()
        assert await asyncio.gather(*calls[1::2]) == list(range(1, 200, 2))
    assert sorted(ended) == list(range(0, 200, 2))


async def test_leaving_with_many_calls_in_flight_ends_all_of_them() -> None:
    async with trio_guest() as guest:
        calls = [asyncio.ensure_future(guest.call(trio.sleep_forever)) for _ in range(200)]
        await anyio.wait_all_tasks_blocked()
    with anyio.fail_after(30):
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(result) for result in results} == {StreamClosed}


async def test_a_call_that_ends_with_more_than_an_exception_ends_the_transport_and_is_told() -> None:
    class Grave(BaseException):
        pass

    async def end() -> None:
        await trio.lowlevel.checkpoint()
        raise Grave

    async def live() -> None:
        async with trio_guest() as guest:
            with pytest.raises(StreamClosed):
                await guest.call(end)
            await anyio.sleep_forever()

    with anyio.fail_after(30), pytest.raises(TransportFailed, match="broke: Grave") as failed:
        await live()
    assert isinstance(failed.value.__cause__, BaseExceptionGroup)
    assert failed.value.__cause__.subgroup(Grave)


async def test_two_failures_at_once_are_both_in_the_cause() -> None:
    async def fail_too(*, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            raise KeyError("while it was being cancelled")

    async def live() -> None:
        async with trio_guest() as guest:
            await guest.start_task(fail_too)
            await guest.start_task(fail)
            await anyio.sleep_forever()

    with anyio.fail_after(30), pytest.raises(TransportFailed) as failed:
        await live()
    cause = failed.value.__cause__
    assert isinstance(cause, BaseExceptionGroup)
    assert cause.subgroup(ZeroDivisionError)
    assert cause.subgroup(KeyError)
