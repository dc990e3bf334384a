"""Bots: one answer a message, over restarts of either side and failures of the handler."""

from __future__ import annotations

import importlib.util
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mepassa import Bot, Client, Context, NodeNotRunning, RpcError
from mepassa.cursor import CursorFile
from mepassa.pace import MAX_ANSWERS
from wire_node import ME, Refusal, Wire, WireNode

ROOT = Path(__file__).parents[3]


def echo_bot() -> Bot:
    specification = importlib.util.spec_from_file_location("echo", ROOT / "examples" / "bots" / "echo.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    bot: Bot = module.bot
    return bot


async def run_until(
    bot: Bot, node: WireNode, state: Path, done: Callable[[], bool], account: str | None = None
) -> None:
    """Run the bot until `done` and its cursor has reached the end of the log."""
    cursor = CursorFile(state)
    async with Client(node.path) as client, anyio.create_task_group() as tasks:

        async def serve() -> None:
            await bot.serve(client, cursor, account=account)

        tasks.start_soon(serve)
        with anyio.fail_after(30):
            while not (done() and cursor.load(account or ME) == len(node.log)):
                await anyio.sleep(0.001)
        tasks.cancel_scope.cancel()


async def test_the_echo_bot_says_back_what_it_is_told(node: WireNode, tmp_path: Path) -> None:
    said = node.receive("olá")
    await run_until(echo_bot(), node, tmp_path / "s", lambda: bool(node.sent))
    method, params = node.calls[-1]
    assert method == "messages.send"
    assert params == {"account": ME, "conversation": "c1", "text": "olá", "request_id": f"echo:{said}:1"}


def test_the_echo_bot_fits_on_ten_lines() -> None:
    source = (ROOT / "examples" / "bots" / "echo.py").read_text()
    code = [line for line in source.split('"""', 2)[2].splitlines() if line.strip()]
    assert len(code) <= 10


async def test_a_message_is_answered_once_over_restarts_of_the_bot(node: WireNode, tmp_path: Path) -> None:
    node.receive("one")
    await run_until(echo_bot(), node, tmp_path / "s", lambda: len(node.sent) == 1)
    node.receive("two")
    await run_until(echo_bot(), node, tmp_path / "s", lambda: len(node.sent) == 2)
    assert [params["text"] for method, params in node.calls if method == "messages.send"] == ["one", "two"]


async def test_a_bot_that_was_killed_before_it_kept_its_place_does_not_answer_twice(
    node: WireNode, tmp_path: Path
) -> None:
    node.receive("one")
    await run_until(echo_bot(), node, tmp_path / "s", lambda: len(node.sent) == 1)
    (tmp_path / "s").unlink()
    await run_until(echo_bot(), node, tmp_path / "s", lambda: True)
    assert list(node.sent.values()) == ["one"]


async def test_another_wording_after_a_restart_is_not_a_second_answer(node: WireNode, tmp_path: Path) -> None:
    wordings = iter(["first", "second"])
    bot = Bot("fickle")
    replied: list[str] = []

    @bot.message
    async def answer(ctx: Context) -> None:
        await ctx.reply(next(wordings))
        replied.append("returned")

    node.receive("hi")
    await run_until(bot, node, tmp_path / "s", lambda: len(replied) == 1)
    (tmp_path / "s").unlink()
    await run_until(bot, node, tmp_path / "s", lambda: len(replied) == 2)
    assert list(node.sent.values()) == ["first"]


async def test_two_replies_to_one_message_are_two_messages(node: WireNode, tmp_path: Path) -> None:
    bot = Bot("twice")

    @bot.message
    async def answer(ctx: Context) -> None:
        await ctx.reply("a")
        await ctx.reply("a")

    node.receive("hi")
    await run_until(bot, node, tmp_path / "s", lambda: len(node.sent) == 2)


async def test_a_handler_that_raises_is_logged_without_its_words_and_the_bot_goes_on(
    node: WireNode, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot("clumsy")

    @bot.message
    async def answer(ctx: Context) -> None:
        if ctx.text == "canary":
            raise ValueError(ctx.text)
        await ctx.reply(ctx.text)

    failed = node.receive("canary")
    node.receive("fine")
    with caplog.at_level(logging.DEBUG):
        await run_until(bot, node, tmp_path / "s", lambda: bool(node.sent))
    assert list(node.sent.values()) == ["fine"]
    assert f"clumsy failed on message {failed}" in caplog.text
    assert "ValueError" in caplog.text
    assert "test_sdk_bot.py:" in caplog.text
    assert "canary" not in caplog.text


async def test_a_refused_reply_is_logged_by_the_errors_name(
    node: WireNode, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(wire: Wire, **_: Any) -> dict[str, Any]:
        raise Refusal(1101, "ContactBlocked", "Blocked.")

    node.methods["messages.send"] = refuse
    node.receive("hi")
    await run_until(echo_bot(), node, tmp_path / "s", lambda: True)
    assert "ContactBlocked" in caplog.text


async def test_a_bot_gets_the_messages_of_its_own_account_only(node: WireNode, tmp_path: Path) -> None:
    node.receive("for somebody else", account=ME)
    node.receive("for me", account="mp1bot")
    await run_until(echo_bot(), node, tmp_path / "s", lambda: bool(node.sent), account="mp1bot")
    assert list(node.sent.values()) == ["for me"]


async def test_a_message_of_a_kind_without_text_does_not_stop_the_bot(node: WireNode, tmp_path: Path) -> None:
    node.publish("message.received", account=ME, message_id="m1")
    node.receive("text")
    await run_until(echo_bot(), node, tmp_path / "s", lambda: bool(node.sent))


async def test_a_bot_without_a_handler_just_passes(node: WireNode, tmp_path: Path) -> None:
    node.receive("hi")
    await run_until(Bot("idle"), node, tmp_path / "s", lambda: True)
    assert node.sent == {}


async def test_a_bot_that_was_away_too_long_goes_on_with_what_is_kept(node: WireNode, tmp_path: Path) -> None:
    plain = node.subscribe

    async def subscribe(wire: Wire, after: int, **chosen: Any) -> dict[str, Any]:
        if after == 1:
            raise Refusal(1700, "EventsExpired", "Too old.", oldest=2)
        return await plain(wire, after=after, **chosen)

    node.methods["events.subscribe"] = subscribe
    CursorFile(tmp_path / "s").save(ME, 1)
    node.receive("one")
    node.receive("two")
    await run_until(echo_bot(), node, tmp_path / "s", lambda: len(node.sent) == 2)


async def test_a_place_later_than_the_nodes_last_event_is_given_up(node: WireNode, tmp_path: Path) -> None:
    CursorFile(tmp_path / "s").save(ME, 90)
    node.receive("first message of a node set up anew")
    await run_until(echo_bot(), node, tmp_path / "s", lambda: len(node.sent) == 1)


async def test_another_refusal_of_the_subscription_ends_the_bot(node: WireNode, tmp_path: Path) -> None:
    async def subscribe(wire: Wire, **_: Any) -> dict[str, Any]:
        raise Refusal(1702, "ApiVersion", "Newer, please.")

    node.methods["events.subscribe"] = subscribe
    async with Client(node.path) as client:
        with pytest.raises(RpcError, match="Newer"):
            await echo_bot().serve(client, CursorFile(tmp_path / "s"))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(150, 900), min_size=2, max_size=2), st.lists(st.integers(0, 900), max_size=6))
async def test_whatever_byte_the_sockets_die_at_each_message_is_answered_once(
    first: list[int], later: list[int]
) -> None:
    texts = [f"text {number}" for number in range(5)]
    with tempfile.TemporaryDirectory() as folder:
        async with WireNode(Path(folder, "s")).serving() as node:
            node.lives = first + later  # the first two live long enough for the bot to start
            for text in texts:
                node.receive(text)
            await run_until(echo_bot(), node, Path(folder, "state"), lambda: len(node.sent) == len(texts))
            assert list(node.sent.values()) == texts


async def test_a_reply_waits_for_a_node_that_is_away(node: WireNode, tmp_path: Path) -> None:
    failures = 0

    async def die(wire: Wire, **params: Any) -> dict[str, Any]:
        nonlocal failures
        if failures < 3:
            failures += 1
            await wire.close()
        return await node.send(wire, **params)

    node.methods["messages.send"] = die
    node.receive("hi")
    await run_until(echo_bot(), node, tmp_path / "s", lambda: len(node.sent) == 1)
    assert failures == 3


async def test_a_flood_of_one_contact_is_answered_up_to_the_limit_with_one_warning_without_its_text(
    node: WireNode, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(MAX_ANSWERS + 3):
        node.receive("canary")
    await run_until(echo_bot(), node, tmp_path / "s", lambda: True)
    assert len(node.sent) == MAX_ANSWERS
    assert caplog.text.count("unanswered") == 1
    assert "canary" not in caplog.text


async def _run(arguments: list[str]) -> None:
    await anyio.to_thread.run_sync(lambda: Bot("idle").run(arguments))


async def test_run_without_a_node_ends_with_a_sentence_and_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        await _run(["--socket", str(tmp_path / "none")])
    assert ended.value.code == 3
    assert "No mepassad answers" in capsys.readouterr().err


async def test_run_with_a_damaged_state_file_ends_with_a_sentence_and_code_1(
    node: WireNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s").write_text("junk")
    with pytest.raises(SystemExit) as ended:
        await _run(["--socket", str(node.path), "--state", str(tmp_path / "s")])
    assert ended.value.code == 1
    assert "remove it to begin anew" in capsys.readouterr().err


async def test_serve_without_a_node_raises(tmp_path: Path) -> None:
    async with Client(tmp_path / "none") as client:
        with pytest.raises(NodeNotRunning):
            await echo_bot().serve(client, CursorFile(tmp_path / "s"))
