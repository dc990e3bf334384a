"""The node's methods as a bot's author calls them: for the bot's account, where a call names none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from mepassa.client import Client
from mepassa.events import Events
from mepassa.generated.methods import Nouns

T = TypeVar("T")


class AccountClient(Nouns):
    """A client of one account, also where the session may act for several."""

    def __init__(self, client: Client, account: str) -> None:
        """`account`: whose messages, contacts and so on are meant."""
        super().__init__(self._typed)
        self.account = account
        self._client = client

    async def call(self, method: str, /, **params: Any) -> dict[str, Any]:
        """Call any method by its name, as `Client.call`; it is given just these parameters."""
        return await self._client.call(method, **params)

    async def _typed(self, method: str, kind: type[T], params: Mapping[str, object]) -> T:
        if "account" in params and params["account"] is None:
            params = {**params, "account": self.account}
        return await self._client.typed(method, kind, params)

    def _follow(self, topics: Sequence[str] | None, after: int | None, account: str | None) -> Events[Any]:
        return self._client.events(topics=topics, after=after, account=account or self.account)
