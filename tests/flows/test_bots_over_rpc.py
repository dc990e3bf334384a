"""A bot's account, token, answers, state and place over the socket of a real daemon."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from mepassad.testing.rpc_client import RpcError
from tests.daemon import Fleet, eventually
from tests.flows.test_accounts_of_one_node import meet


async def test_a_bot_gets_an_account_and_answers_each_message_once(fleet: Fleet) -> None:
    node = fleet.start("node", plugins=[])[0]
    async with node.client() as owner:
        ana = (await owner.call("identity.show"))["account"]
        made = await owner.call("bots.register", bot="echo", name="Eco")
        words = Path(made["words_file"])
        assert stat.S_IMODE(words.stat().st_mode) == 0o600
        assert len(words.read_text().split()) == 24
        bot = made["account"]
        await meet(owner, bot, ana)
        async with node.session() as rpc:
            hello = await rpc.call("system.hello", token=made["token"])
            assert (hello["account"], hello["scopes"]) == (bot, ["write"])
            assert await rpc.call("bots.open", bot="echo") == {"account": bot, "seq": None}
            await rpc.call("events.subscribe", topics=["message.received"], after=0)
            for text in ("um", "dois"):
                await owner.call("messages.send", contact=bot, text=text)
            after = 0
            for text in ("um", "dois"):
                event = await rpc.event("message.received")
                answer: dict[str, Any] = {
                    "bot": "echo", "conversation": event["data"]["conversation"], "after": after, "seq": event["seq"],
                    "place": event["seq"], "answers": [{"text": text.upper(), "request_id": f"echo:{event['seq']}"}],
                    "state": {"last": text},
                }  # fmt: skip
                assert len((await rpc.call("bots.answer", **answer))["message_ids"]) == 1
                with pytest.raises(RpcError, match="AlreadyAnswered"):
                    await rpc.call("bots.answer", **answer)
                after = event["seq"]
            backwards = answer | {"after": after, "seq": after}
            twice = answer | {"after": after, "seq": after + 1, "answers": answer["answers"] * 2}
            for senseless in (backwards, twice):
                with pytest.raises(RpcError, match="InvalidParams"):
                    await rpc.call("bots.answer", **senseless)
            kept = await rpc.call("bots.state", bot="echo", conversation=answer["conversation"])
            assert kept == {"seq": after, "state": {"last": "dois"}}
            await rpc.call("bots.save", bot="echo", place=after + 1)

        async def heard() -> list[str]:
            items = (await owner.call("messages.list", contact=bot))["items"]
            return [item["text"] for item in reversed(items) if item["incoming"]]

        await eventually(heard, lambda texts: texts == ["UM", "DOIS"])
    node.restart()
    async with node.client() as owner, node.client() as old:
        again = await owner.call("bots.register", bot="echo")
        assert (again["account"], again["words_file"]) == (bot, None)
        assert await owner.call("bots.open", bot="echo", account=bot) == {"account": bot, "seq": after + 1}
        with pytest.raises(RpcError, match="TokenRefused"):
            await old.call("system.hello", token=made["token"])


async def test_a_bots_name_is_refused_that_is_none(fleet: Fleet) -> None:
    node = fleet.start("node", plugins=[])[0]
    async with node.client() as owner:
        for name in ("", "Echo", "a b", "x" * 33, "eco\n"):
            with pytest.raises(RpcError, match="InvalidParams"):
                await owner.call("bots.open", bot=name)
