"""Tokens: what programs show to act for the user of this node, each with less than the user may do."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection, Sequence

import msgspec

from mepassad.api.context import Clock
from mepassad.api.store import Commit, Store
from mepassad.api.types import AccountId
from mepassad.api.writes import SetSetting, Write
from mepassad.errors import TokenRefused, TooManyTokens, UnknownToken
from mepassad.wire.names import own_name

PREFIX = "mpt1"
EXPIRY = 60.0  # seconds between two looks for tokens that expired
_KEY = "token/"  # of a setting of the node
_SECRET_BYTES = 32


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as the node keeps it: of its secret only the SHA-256, which 256 random bits need not hide further.

    `account`: the only account that it acts for, "" = all. `bot`: which bot it was made for by `bots.register`.
    `expires_at`: Unix seconds, 0 = never.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    account: AccountId = AccountId("")
    bot: str = ""
    created_at: int
    expires_at: int = 0
    digest: bytes

    def __repr__(self) -> str:
        return f"Token({self.id})"


class Tokens:
    """All tokens, in memory and in the settings of the node."""

    def __init__(self, store: Store, clock: Clock, most: int) -> None:
        """`most`: how many there may be. `ended` is called with the id of a token that is good no more."""
        self._store, self._clock, self._most = store, clock, most
        self._all: dict[str, Token] = {}
        self._revoked: set[str] = set()
        self.ended: Callable[[str], None] = lambda token: None

    async def load(self) -> None:
        """Read all."""
        for key, value in (await self._store.settings("")).items():
            if key.startswith(_KEY):
                token = msgspec.msgpack.decode(value, type=Token)
                self._all[token.id] = token

    def all(self) -> Sequence[Token]:
        """All that are good, oldest first."""
        return sorted((row for row in self._all.values() if not self._is_over(row)), key=lambda row: row.created_at)

    def check(self, shown: str) -> Token:
        """The token that was shown. Raises `TokenRefused`, which is all that is told of why."""
        prefix, _, rest = shown.partition("_")
        id, _, secret = rest.partition("_")
        row = self._all.get(id)
        # Compared also where there is none, so that the time taken does not tell which ids there are.
        same = hmac.compare_digest(_digest(secret), row.digest if row else bytes(_SECRET_BYTES))
        if prefix != PREFIX or row is None or not same or self._is_over(row):
            raise TokenRefused
        return row

    def good(self, id: str) -> bool:
        """Whether a token that was shown before is still good."""
        row = self._all.get(id)
        return row is not None and not self._is_over(row)

    async def create(
        self, name: str, scopes: Collection[str], account: str = "", bot: str = "", expires_in: int = 0
    ) -> tuple[Token, str]:
        """A new token and what is to be shown for it, which is kept nowhere. In the same commit tokens made for the
        same bot before are revoked, and expired ones forgotten. Raises `InvalidName`, `TooManyTokens`, `StoreFull`."""
        now = int(self._clock.now())
        gone = self.demand_room(bot)
        id, secret = secrets.token_hex(8), secrets.token_urlsafe(_SECRET_BYTES)
        row = Token(
            id=id, name=own_name(name), scopes=tuple(dict.fromkeys(scopes)), account=AccountId(account), bot=bot,
            created_at=now, expires_at=now + expires_in if expires_in else 0, digest=_digest(secret),
        )  # fmt: skip
        writes: list[Write] = [SetSetting("", _KEY + id, msgspec.msgpack.encode(row))]
        self._all[id] = row
        try:
            await self._store.commit(Commit((*writes, *(SetSetting("", _KEY + old.id, None) for old in gone))))
        except BaseException:
            self._all.pop(id, None)  # a newer one of the same bot may have ended it already
            raise
        for old in gone:
            self._end(old.id)
        return row, f"{PREFIX}_{id}_{secret}"

    def demand_room(self, bot: str = "") -> Sequence[Token]:
        """The tokens that a new one, of a bot or not, would take the place of. Raises `TooManyTokens`."""
        gone = [row for row in self._all.values() if self._is_over(row) or (bot and row.bot == bot)]
        if len(self._all) - len(gone) >= self._most:
            raise TooManyTokens(limit=self._most)
        return gone

    async def revoke(self, id: str) -> None:
        """A token is good no more, at once; its sessions end. Raises `UnknownToken`, and `StoreFull`: then it would be
        good again after a restart, and may be revoked again."""
        if id not in self._all:
            raise UnknownToken
        self._revoked.add(id)
        self.ended(id)
        await self._store.commit(Commit((SetSetting("", _KEY + id, None),)))
        self._end(id)

    async def expire(self) -> None:
        """End the sessions of tokens that expired, once a minute until cancelled. The tokens are kept for now: the
        wall clock may have jumped."""
        while True:
            await self._clock.sleep(EXPIRY)
            for row in filter(self._is_over, tuple(self._all.values())):
                self.ended(row.id)

    def _end(self, id: str) -> None:
        self._revoked.discard(id)
        if self._all.pop(id, None):
            self.ended(id)

    def _is_over(self, row: Token) -> bool:
        return row.id in self._revoked or 0 < row.expires_at <= self._clock.now()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
