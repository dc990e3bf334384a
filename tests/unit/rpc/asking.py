"""What tests of the server ask again and again."""

from __future__ import annotations

from pathlib import Path

from mepassad.testing.rpc_client import RpcClient, connect


def errors(client: RpcClient) -> list[str]:
    """The names of the errors that belong to no call."""
    return [reply["error"]["data"]["name"] for reply in client.others]


async def alive(path: Path) -> bool:
    """Whether the server answers a newcomer."""
    async with connect(path) as newcomer:
        return bool((await newcomer.call("system.hello"))["api"])
