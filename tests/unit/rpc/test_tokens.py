"""Tokens: what a session may do that showed one, and what becomes of it when the token is good no more."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from asking import errors, refused, shown
from fake_node import ANA, BOB, FakeAccounts, FakeNode, ListLog, Serve
from hypothesis import given
from hypothesis import strategies as st

from mepassad.api.store import Commit, Committed
from mepassad.api.types import Account, AccountId
from mepassad.bus import Fact
from mepassad.errors import NotPermitted, StoreFull, TokenRefused
from mepassad.rpc.authority import Authority
from mepassad.rpc.methods import ALL
from mepassad.rpc.registry import Registry
from mepassad.testing.rpc_client import RpcClient, connect

EVA = AccountId("mp1eva")


@pytest.fixture
def node() -> FakeNode:
    """Two accounts: Ana's, and Eva's."""
    node = FakeNode()
    accounts: FakeAccounts = node.accounts
    accounts.rows.append(Account(id=EVA, name="Eva", kind="bot", device=b"", device_list=b"", created_at=1))
    return node


@pytest.fixture
async def path(served: Serve, folder: Path) -> AsyncIterator[Path]:
    """The owner's socket; that of bots is beside it."""
    async with served(bots_socket=folder / "run" / "b", max_bot_sessions=2) as path:
        yield path


# -- what it is and how it is kept


async def test_a_token_is_told_once_and_only_its_digest_is_kept(client: RpcClient, node: FakeNode) -> None:
    made = await client.call("tokens.create", name="erp", scopes=["read", "messages.send"], expires_in=60)
    secret = made.pop("token").rpartition("_")[2]
    assert (await client.call("tokens.list"))["items"] == [made]
    kept = node.tokens._store.kept  # type: ignore[attr-defined]
    assert kept
    assert all(secret.encode() not in value for value in kept.values())
    assert secret not in repr(node.tokens.all())


async def test_tokens_outlive_a_restart(node: FakeNode) -> None:
    token = await shown(node, "read")
    again = type(node.tokens)(node.tokens._store, node.clock, 3)
    await again.load()
    assert again.check(token) == node.tokens.check(token)


@given(st.text(max_size=120))
def test_junk_is_refused(text: str) -> None:
    with pytest.raises(TokenRefused):
        FakeNode().tokens.check(text)


async def test_each_part_of_a_token_counts(node: FakeNode) -> None:
    token = await shown(node, "read")
    prefix, id, secret = token.split("_", 2)
    for wrong in (token[:-1], token + "A", f"{prefix}_{id}_", f"mpt2_{id}_{secret}", f"{prefix}_{'0' * 16}_{secret}"):
        with pytest.raises(TokenRefused):
            node.tokens.check(wrong)


async def test_there_are_as_many_as_the_limit_says_and_expired_ones_do_not_count(
    client: RpcClient, node: FakeNode
) -> None:
    await shown(node, "read", expires_in=60)
    for name in ("b", "c"):
        await client.call("tokens.create", name=name, scopes=["read"])
    assert await refused(client, "tokens.create", name="d", scopes=["read"]) == "TooManyTokens"
    node.clock.advance(60)
    await client.call("tokens.create", name="d", scopes=["read"])
    assert [item["name"] for item in (await client.call("tokens.list"))["items"]] == ["b", "c", "d"]


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"scopes": ["read"]}, "InvalidParams"),
        ({"name": "x", "scopes": []}, "InvalidParams"),
        ({"name": "x", "scopes": ["everything"]}, "InvalidParams"),
        ({"name": "x", "scopes": ["read"], "expires_in": 59}, "InvalidParams"),
        ({"name": "\u202e", "scopes": ["read"]}, "InvalidName"),
        ({"name": "x", "scopes": ["read"], "account": "mp1nobody"}, "UnknownAccount"),
    ],
)
async def test_a_token_that_makes_no_sense_is_not_made(client: RpcClient, params: dict[str, Any], error: str) -> None:
    assert await refused(client, "tokens.create", **params) == error
    assert (await client.call("tokens.list"))["items"] == []


async def test_a_token_that_could_not_be_kept_is_none(client: RpcClient, node: FakeNode) -> None:
    node.tokens._store.failure = StoreFull()  # type: ignore[attr-defined]
    assert await refused(client, "tokens.create", name="x", scopes=["read"]) == "StoreFull"
    assert node.tokens.all() == []


async def test_a_token_that_a_newer_one_replaced_before_it_was_kept_says_why_it_was_not(
    node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced = anyio.Event()
    store = node.tokens._store
    commit, full = store.commit, ["at first"]

    async def first_is_refused(change: Commit) -> Committed:
        if full:
            full.clear()
            await replaced.wait()
            raise StoreFull
        return await commit(change)

    monkeypatch.setattr(store, "commit", first_is_refused)

    async def refused_token() -> None:
        with pytest.raises(StoreFull):
            await node.tokens.create("eco", ["write"], bot="eco")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(refused_token)
        await anyio.wait_all_tasks_blocked()
        row, _ = await node.tokens.create("eco", ["write"], bot="eco")
        replaced.set()
    assert node.tokens.all() == [row]


# -- what it allows


@pytest.mark.parametrize("scope", ["read", "write", "admin"])
def test_a_scope_includes_those_below_it_and_nothing_above(scope: str) -> None:
    ranks = ["read", "write", "admin"]
    for method in Registry(ALL).all():
        allowed = ranks.index(method.scope) <= ranks.index(scope) or method.name == "system.hello"
        try:
            Authority((scope,), token="t").demand(method)
        except NotPermitted:
            assert not allowed, method.name
        else:
            assert allowed, method.name


async def test_a_token_of_single_methods_allows_those(path: Path, node: FakeNode) -> None:
    async with connect(path) as client:
        hello = await client.call("system.hello", token=await shown(node, "messages.send"))
        assert (hello["scopes"], hello["account"]) == (["messages.send"], None)
        await client.call("messages.send", contact=BOB, text="oi")
        assert await refused(client, "messages.list", contact=BOB) == "NotPermitted"


async def test_a_token_that_makes_tokens_gives_no_more_than_it_has(path: Path, node: FakeNode) -> None:
    async with connect(path) as client:
        await client.call("system.hello", token=await shown(node, "read", "tokens.create"))
        for scopes in (["admin"], ["read", "write"], ["messages.send"], ["tokens.revoke"]):
            assert await refused(client, "tokens.create", name="x", scopes=scopes) == "NotPermitted"
        await client.call("tokens.create", name="x", scopes=["read", "tokens.create"])
        assert len(node.tokens.all()) == 2


async def test_a_token_of_one_account_acts_for_it_and_for_no_other(path: Path, node: FakeNode) -> None:
    async with connect(path) as client:
        assert (await client.call("system.hello", token=await shown(node, "admin", account=EVA)))["account"] == EVA
        assert (await client.call("identity.show"))["account"] == EVA
        assert await refused(client, "identity.show", account=ANA) == "NotPermitted"
        assert await refused(client, "events.subscribe", account=ANA) == "NotPermitted"
        assert [item["account"] for item in (await client.call("accounts.list"))["items"]] == [EVA]
        for method, params in (
            ("system.stop", {}),
            ("accounts.create", {"name": "x"}),
            ("tokens.create", {"name": "x", "scopes": ["read"]}),
            ("bots.register", {"bot": "x"}),
        ):
            assert await refused(client, method, **params) == "NotPermitted"
        assert not node.stopped.is_set()


async def test_it_hears_only_of_its_account_and_not_of_the_node(path: Path, node: FakeNode) -> None:
    async with connect(path) as client:
        await client.call("system.hello", token=await shown(node, "read", account=EVA))
        await client.call("events.subscribe")
        node.bus.add(account=ANA)
        node.bus.publish([Fact(2, "", "plugin.failed", {"account": "", "plugin": "x", "reason": "/home/ana"})])
        node.bus.add(account=EVA)
        assert (await client.event())["seq"] == 3


async def test_calls_sent_behind_a_hello_have_its_authority_already(path: Path, node: FakeNode) -> None:
    async with connect(path) as client:
        await client.begin("system.hello", token=await shown(node, "read"))
        assert await refused(client, "system.stop") == "NotPermitted"


async def test_a_session_shows_one_token(path: Path, node: FakeNode) -> None:
    read, admin = await shown(node, "read"), await shown(node, "admin")
    async with connect(path) as client:
        await client.call("system.hello", token=read)
        assert await refused(client, "system.hello", token=admin) == "NotPermitted"


async def test_a_refused_token_ends_the_session_even_the_owners(path: Path) -> None:
    async with connect(path) as client:
        assert await refused(client, "system.hello", token="mpt1_0_0") == "TokenRefused"
        await client.until_closed()


# -- when it is good no more


async def test_a_token_revoked_in_mid_stream_ends_its_sessions_and_no_others(path: Path, node: FakeNode) -> None:
    one, other = await shown(node, "read"), await shown(node, "read")
    async with connect(path) as owner, connect(path) as first, connect(path) as second:
        await first.call("system.hello", token=one)
        await second.call("system.hello", token=other)
        await first.call("events.subscribe")
        node.bus.add(3)
        await owner.call("tokens.revoke", token_id=one.split("_")[1])
        await first.until_closed()
        node.bus.add()
        assert ([event["seq"] for event in first.events], errors(first)) == ([1, 2, 3], ["TokenRefused"])
        assert await second.call("system.stats")
        assert await refused(owner, "tokens.revoke", token_id=one.split("_")[1]) == "UnknownToken"
    async with connect(path) as again:
        assert await refused(again, "system.hello", token=one) == "TokenRefused"


async def test_a_token_revoked_on_a_full_disk_is_good_no_more_and_can_be_revoked_again(
    client: RpcClient, node: FakeNode
) -> None:
    token, store = await shown(node, "read"), node.tokens._store
    store.failure = StoreFull()  # type: ignore[attr-defined]
    assert await refused(client, "tokens.revoke", token_id=token.split("_")[1]) == "StoreFull"
    with pytest.raises(TokenRefused):
        node.tokens.check(token)
    store.failure = None  # type: ignore[attr-defined]
    await client.call("tokens.revoke", token_id=token.split("_")[1])
    assert not store.kept  # type: ignore[attr-defined]


async def test_a_call_that_was_begun_is_answered_although_the_token_is_revoked(path: Path, node: FakeNode) -> None:
    token = await shown(node, "write")
    async with connect(path) as client:
        await client.call("system.hello", token=token)
        node.outbox.gate = anyio.Event()
        sending = await client.begin("messages.send", contact=BOB, text="x")
        with anyio.fail_after(30):
            while not node.outbox.running:
                await anyio.lowlevel.checkpoint()
        await node.tokens.revoke(token.split("_")[1])
        node.outbox.gate.set()
        await client.until_closed()
        assert "result" in client._replies[sending]


async def test_an_expired_token_is_refused_from_its_second_on(path: Path, node: FakeNode) -> None:
    token = await shown(node, "read", expires_in=60)
    async with connect(path) as client:
        await client.call("system.hello", token=token)
        node.clock.advance(59)
        assert await client.call("system.stats")
        node.clock.advance(1)
        assert await refused(client, "system.stats") == "TokenRefused"
        await client.until_closed()


async def test_the_sessions_of_an_expired_token_end_though_they_only_listen(path: Path, node: FakeNode) -> None:
    token = await shown(node, "read", expires_in=60)
    async with connect(path) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(node.tokens.expire)
        await client.call("system.hello", token=token)
        node.clock.advance(60)
        await client.until_closed()
        tasks.cancel_scope.cancel()


async def test_no_log_has_a_token(path: Path, node: FakeNode, log: ListLog, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = await shown(node, "read")
    async with connect(path) as client:
        await client.call("system.hello", token=token)
        await refused(client, "system.stop")
        await refused(client, "system.hello", token=token)
    assert token.rpartition("_")[2] not in caplog.text + str(log.lines)
