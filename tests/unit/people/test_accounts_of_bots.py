"""The accounts of bots: one each, however its making is interrupted, and never one without its words."""

from __future__ import annotations

from pathlib import Path

import pytest

from mepassad.api.store import Commit, Committed
from mepassad.api.writes import SetSetting
from mepassad.errors import StoreFull, TooManyTokens
from mepassad.testing.nodes import Nodes


def words(nodes: Nodes) -> set[Path]:
    return set(nodes.folder("ana").glob("recovery-words-*.txt"))


async def test_a_bot_whose_account_could_not_be_kept_whole_leaves_nothing_and_gets_one_later(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await nodes.start("ana")
    store, before, full = ana.node.store, words(nodes), [True]
    commit = store.commit

    async def no_room_for_bots(change: Commit) -> Committed:
        if full and any(isinstance(one, SetSetting) and one.key.startswith("bot_account/") for one in change.writes):
            raise StoreFull
        return await commit(change)

    monkeypatch.setattr(store, "commit", no_room_for_bots)
    for _ in range(2):
        with pytest.raises(StoreFull):
            await ana.node.bots.register("eco", "eco")
        assert [account.id for account in ana.node.accounts.all()] == [ana.account]
        assert words(nodes) == before
    full.clear()
    account, _, file = await ana.node.bots.register("eco", "eco")
    assert file is not None
    assert words(nodes) - before == {file}
    assert [one.id for one in ana.node.accounts.all()] == [ana.account, account.id]


async def test_a_bot_that_gets_no_token_gets_no_account_whose_words_nobody_was_shown(nodes: Nodes) -> None:
    ana = await nodes.start("ana", rpc__max_tokens=1)
    await ana.node.bots.register("eco", "eco")
    with pytest.raises(TooManyTokens):
        await ana.node.bots.register("outro", "outro")
    await ana.node.bots.register("eco", "eco")
    assert len(ana.node.accounts.all()) == 2
    await ana.node.tokens.revoke(ana.node.tokens.all()[0].id)
    assert (await ana.node.bots.register("outro", "outro"))[2] is not None
