"""`bots.*`: what a bot needs so that it misses nothing, and answers nothing twice."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mepassad.api.methods import AccountParams, Done, Params, Result, method
from mepassad.api.types import Account, ConversationId
from mepassad.delivery.answers import Answer, Reply
from mepassad.errors import (
    AlreadyAnswered,
    ContactBlocked,
    ContactRefused,
    EmptyMessage,
    InvalidName,
    InvalidParams,
    MessageTooLarge,
    Rejected,
    StateTooLarge,
    StoreFull,
    TooManyTokens,
    UnknownConversation,
    UnknownMessage,
)
from mepassad.rpc.node import Node
from mepassad.rpc.values import AccountRef, ConversationRef, MessageRef, secret

_Bot = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,32}\Z", description="The bot's name: 1 to 32 of a–z, 0–9, - and _.")]
_Seq = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class RegisterParams(Params, frozen=True, kw_only=True):
    """Which bot."""

    bot: _Bot
    name: Annotated[str, Meta(description="The name that contacts see; absent: the bot's.")] | None = None


class RegisteredBot(Result, frozen=True, kw_only=True):
    """A bot's account, and what it shows to act for it."""

    account: AccountRef
    token: Annotated[str, secret("Scope `write`, for this account; told this once and kept nowhere.")]
    words_file: Annotated[str | None, Meta(description="Where the 24 words of a new account lie, 0600; else null.")]


class BotParams(AccountParams, frozen=True, kw_only=True):
    """Which bot."""

    bot: _Bot


class BotPlace(Result, frozen=True, kw_only=True):
    """Where a bot got to."""

    account: AccountRef
    seq: Annotated[int | None, Meta(description="It has dealt with all events up to this one; null: it never ran.")]


class StateParams(BotParams, frozen=True, kw_only=True):
    """Which conversation."""

    conversation: ConversationRef


class BotState(Result, frozen=True, kw_only=True):
    """What a bot keeps about a conversation."""

    seq: Annotated[int, Meta(description="The last event that it dealt with there; 0: none.")]
    state: dict[str, Any]


class AnswerItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer, to the conversation."""

    text: Annotated[str, secret("At most `messages.max_text` bytes of UTF-8.")]
    request_id: Annotated[
        str, Meta(min_length=1, max_length=128, description="If it was sent before, it is not sent again.")
    ]
    reply_to: Annotated[MessageRef | None, Meta(description="The message that this one answers.")] = None


class AnswerParams(StateParams, frozen=True, kw_only=True):
    """What a bot made of an event."""

    after: Annotated[_Seq, Meta(description="The event it dealt with before this one, in this conversation; 0: none.")]
    seq: Annotated[int, Meta(ge=1, le=2**63 - 1, description="The event that it dealt with now.")]
    place: Annotated[_Seq, Meta(description="All events up to this one are dealt with, in all conversations.")]
    answers: Annotated[list[AnswerItem], Meta(max_length=100)] = msgspec.field(default_factory=list)
    state: Annotated[dict[str, Any] | None, Meta(description="At most `rpc.max_state` bytes; absent: as before.")] = (
        None
    )


class SaveParams(BotParams, frozen=True, kw_only=True):
    """Up to where a bot got."""

    place: Annotated[_Seq, Meta(description="All events up to this one are dealt with.")]


class Answered(Result, frozen=True, kw_only=True):
    """What was sent."""

    message_ids: list[MessageRef]


@method("bots.register", scope="admin", errors=[InvalidName, StoreFull, TooManyTokens])
async def register(node: Node, params: RegisterParams) -> RegisteredBot:
    """Give a bot its own account, made at the first call, and a fresh token for it.

    The token that it got before is revoked, so that of a bot started twice only the last one runs.
    """
    account, token, words = await node.bots.register(params.bot, params.name or params.bot)
    return RegisteredBot(account=account.id, token=token, words_file=str(words) if words else None)


@method("bots.open", scope="read")
async def open_bot(node: Node, account: Account, params: BotParams) -> BotPlace:
    """Where a bot got to; it follows events after that."""
    return BotPlace(account=account.id, seq=await node.answers.place(account.id, params.bot))


@method("bots.state", scope="read")
async def state(node: Node, account: Account, params: StateParams) -> BotState:
    """What a bot keeps about a conversation."""
    seq, kept = await node.answers.state(account.id, params.bot, ConversationId(params.conversation))
    return BotState(seq=seq, state=msgspec.json.decode(kept))


@method(
    "bots.answer",
    scope="write",
    errors=[
        AlreadyAnswered,
        ContactBlocked,
        ContactRefused,
        EmptyMessage,
        MessageTooLarge,
        Rejected,
        StateTooLarge,
        StoreFull,
        UnknownConversation,
        UnknownMessage,
    ],
)
async def answer(node: Node, account: Account, params: AnswerParams) -> Answered:
    """Keep what a bot made of an event, all in one commit or nothing: its answers, its state and its place.

    Calls of one session are carried out in the order in which they were sent, so they need not wait for each other.
    """
    if params.seq <= params.after:
        raise InvalidParams("`seq` comes after `after`: a bot deals with the events of a conversation in their order.")
    if len({one.request_id for one in params.answers}) < len(params.answers):
        raise InvalidParams("Each answer has a `request_id` of its own: two with one would be the same answer.")
    kept = await node.answers.keep(
        account.id,
        params.bot,
        Answer(
            conversation=ConversationId(params.conversation), after=params.after, seq=params.seq, place=params.place,
            replies=tuple(Reply(one.text, one.request_id, one.reply_to or "") for one in params.answers),
            state=None if params.state is None else msgspec.json.encode(params.state),
        ),
    )  # fmt: skip
    return Answered(message_ids=[message.id for message in kept])


@method("bots.save", scope="write", errors=[StoreFull])
async def save(node: Node, account: Account, params: SaveParams) -> Done:
    """Move a bot's place on, past events that it has nothing to say to."""
    await node.answers.save(account.id, params.bot, params.place)
    return Done()
