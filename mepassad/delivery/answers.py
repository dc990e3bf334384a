"""What a bot makes of an event: its answers, its state and its place, kept in one commit or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from weakref import WeakValueDictionary

import msgspec

from mepassad.api.context import Clock
from mepassad.api.store import Commit, Store
from mepassad.api.types import AccountId, ConversationId, Message
from mepassad.api.writes import SetPluginState, SetSetting, Write
from mepassad.delivery.outbox import TRIES, Fresh, Outbox
from mepassad.errors import AlreadyAnswered, Conflict, Duplicate, StateTooLarge
from mepassad.people.conversations import Conversations
from mepassad.wire.ids import new_content_id

_PLACE = "bot/"  # the setting of an account that says where a bot got to


class Reply(msgspec.Struct, frozen=True):
    """An answer's text, what makes it the same one when it is sent again, and the message that it answers."""

    text: str
    request_id: str
    reply_to: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a bot made of event `seq` of a conversation, where it had dealt with `after` before (0: with none).

    `place`: all events up to it are dealt with. `state`: JSON; None = as before.
    """

    conversation: ConversationId
    after: int
    seq: int
    place: int
    replies: tuple[Reply, ...] = ()
    state: bytes | None = None


class Answers:
    """Keeps them. A conversation has a mark, the last event dealt with; who names another one came too late."""

    def __init__(self, store: Store, clock: Clock, outbox: Outbox, conversations: Conversations) -> None:
        """`max_state`: bytes."""
        self._store, self._clock, self._outbox, self._conversations = store, clock, outbox, conversations
        self._turns = WeakValueDictionary[tuple[AccountId, ConversationId], asyncio.Lock]()
        self.max_state = 65_536

    async def place(self, account: AccountId, bot: str) -> int | None:
        """Up to which event a bot has dealt with all; None = it never ran."""
        kept = await self._store.setting(account, _PLACE + bot)
        return None if kept is None else int(kept)

    async def state(self, account: AccountId, bot: str, conversation: ConversationId) -> tuple[int, bytes]:
        """The last event dealt with in a conversation (0: none), and the state as JSON."""
        area = _area(account, bot)
        mark = await self._store.plugin_state(area, _mark(conversation))
        state = await self._store.plugin_state(area, _state(conversation))
        return int(mark or b"0"), state or b"{}"

    async def save(self, account: AccountId, bot: str, place: int) -> None:
        """Move a bot's place on. Raises `StoreFull`."""
        await self._store.commit(Commit((_placed(account, bot, place),)))

    async def keep(self, account: AccountId, bot: str, answer: Answer) -> Sequence[Message]:
        """Keep an answer; the messages that it became, without those that were sent before.

        Raises `AlreadyAnswered`, `StateTooLarge`, `UnknownConversation`, and what `Outbox.submit` raises of a text.
        """
        if answer.state is not None and len(answer.state) > self.max_state:
            raise StateTooLarge(limit=self.max_state)
        contact = self._conversations.contact_of(account, answer.conversation)
        async with self._turns.setdefault(
            (account, answer.conversation), asyncio.Lock()
        ):  # one that is screened faster must not come first
            drafts = [await self._outbox.screened(account, contact, one.text, one.reply_to) for one in answer.replies]
        self._conversations.contact_of(account, answer.conversation)  # not gone meanwhile: nothing is kept of it then
        now_ms = int(self._clock.now() * 1000)
        fresh = [
            Fresh(draft, new_content_id(now_ms), one.request_id)
            for draft, one in zip(drafts, answer.replies, strict=True)
        ]
        writes = tuple(_writes(account, bot, answer))
        for _ in range(TRIES):
            try:
                return await self._outbox.keep(account, contact, fresh, writes)
            except Conflict:
                if (await self.state(account, bot, answer.conversation))[0] != answer.after:
                    raise AlreadyAnswered from None
            except Duplicate:
                fresh = [one for one in fresh if not await self._store.message_by_request(account, one.request_id)]
        raise Conflict

    async def forgetting(self, account: AccountId, conversation: ConversationId) -> Sequence[Write]:
        """The writes that drop what all bots of an account keep about a conversation."""
        bots = [key.removeprefix(_PLACE) for key in await self._store.settings(account) if key.startswith(_PLACE)]
        keys = (_mark(conversation), _state(conversation))
        return [SetPluginState(_area(account, bot), key, None) for bot in bots for key in keys]


def _writes(account: AccountId, bot: str, answer: Answer) -> Sequence[Write]:
    area, mark = _area(account, bot), _mark(answer.conversation)
    before = b"%d" % answer.after if answer.after else None
    writes: list[Write] = [SetPluginState(area, mark, b"%d" % answer.seq, before), _placed(account, bot, answer.place)]
    if answer.state is not None:
        kept = None if answer.state == b"{}" else answer.state
        writes.append(SetPluginState(area, _state(answer.conversation), kept))
    return writes


def _placed(account: AccountId, bot: str, place: int) -> Write:
    return SetSetting(account, _PLACE + bot, b"%d" % place)


def _area(account: AccountId, bot: str) -> str:
    return f"bot/{account}/{bot}"


def _mark(conversation: ConversationId) -> str:
    return f"{conversation}/seq"


def _state(conversation: ConversationId) -> str:
    return f"{conversation}/state"
