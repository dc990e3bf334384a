"""What tests of the server ask again and again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_node import FakeNode

from mepassad.testing.rpc_client import RpcClient, RpcError, connect


def errors(client: RpcClient) -> list[str]:
    """The names of the errors that belong to no call."""
    return [reply["error"]["data"]["name"] for reply in client.others]


async def alive(path: Path) -> bool:
    """Whether the server answers a newcomer."""
    async with connect(path) as newcomer:
        return bool((await newcomer.call("system.hello"))["api"])


async def refused(client: RpcClient, method: str, **params: Any) -> str:
    """Make a call that is refused: the error's name."""
    with pytest.raises(RpcError) as caught:
        await client.call(method, **params)
    return caught.value.name


async def shown(node: FakeNode, *scopes: str, account: str = "", expires_in: int = 0) -> str:
    """A token to show."""
    return (await node.tokens.create("test", scopes, account, "", expires_in))[1]
