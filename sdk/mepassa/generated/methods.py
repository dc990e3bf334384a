"""The node's methods, to be awaited.

Generated from docs/openrpc.json by `make gen`; not to be edited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, overload

from mepassa.events import Events
from mepassa.generated.values import (
    Accepted,
    AccountItem,
    AccountPage,
    AccountSuperseded,
    Answered,
    AnswerItem,
    BotPlace,
    BotState,
    ContactEvent,
    ContactItem,
    ContactKeysChanged,
    ContactPage,
    ContactPresence,
    ConversationItem,
    ConversationPage,
    CreatedAccount,
    CreatedInvite,
    CreatedToken,
    Done,
    Hello,
    Identity,
    InviteReused,
    Lagged,
    MessageItem,
    MessagePage,
    MessageProgress,
    MessageReceived,
    PluginFailed,
    RegisteredBot,
    SafetyNumber,
    SentMessage,
    TokenItem,
    TokenPage,
    Topic,
    Typing,
)
from mepassa.nouns import Call, Noun
from mepassa.pages import Pages


class AccountsMethods(Noun):
    """The methods `accounts.*`."""

    async def create(
        self, *, name: str, kind: Literal["ai-agent", "bot", "node", "person"] = "person"
    ) -> CreatedAccount:
        """Make an account. Its 24 words are in the reply and nowhere else.

        Raises `InvalidName`, `StoreFull`.
        """
        return await self._call("accounts.create", CreatedAccount, {"name": name, "kind": kind})

    async def list(self) -> AccountPage:
        """All accounts of this node, oldest first; the first is the one meant where none is named.

        A token of one account sees only that.
        """
        return await self._call("accounts.list", AccountPage, {})

    def iterate(self) -> Pages[AccountItem]:
        """All that `list` finds, over all its pages: `async for … in`."""
        return Pages(lambda _: self.list())


class BotsMethods(Noun):
    """The methods `bots.*`."""

    async def answer(
        self,
        *,
        bot: str,
        conversation: str,
        after: int,
        seq: int,
        place: int,
        answers: Sequence[AnswerItem] = (),
        state: Mapping[str, Any] | None = None,
        account: str | None = None,
    ) -> Answered:
        """Keep what a bot made of an event, all in one commit or nothing: its answers, its state and its place.

        Calls of one session are carried out in the order in which they were sent, so they need not wait for each other.

        `bot`: The bot's name: 1 to 32 of a–z, 0–9, - and _.
        `conversation`: The id of a conversation.
        `after`: The event it dealt with before this one, in this conversation; 0: none.
        `seq`: The event that it dealt with now.
        `place`: All events up to this one are dealt with, in all conversations.
        `state`: At most `rpc.max_state` bytes; absent: as before.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `ContactBlocked`, `ContactRefused`, `UnknownMessage`,
        `UnknownConversation`, `MessageTooLarge`, `Rejected`, `EmptyMessage`, `StoreFull`, `AlreadyAnswered`,
        `StateTooLarge`.
        """
        return await self._call(
            "bots.answer",
            Answered,
            {
                "bot": bot,
                "conversation": conversation,
                "after": after,
                "seq": seq,
                "place": place,
                "answers": answers,
                "state": state,
                "account": account,
            },
        )

    async def open(self, *, bot: str, account: str | None = None) -> BotPlace:
        """Where a bot got to; it follows events after that.

        `bot`: The bot's name: 1 to 32 of a–z, 0–9, - and _.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`.
        """
        return await self._call("bots.open", BotPlace, {"bot": bot, "account": account})

    async def register(self, *, bot: str, name: str | None = None) -> RegisteredBot:
        """Give a bot its own account, made at the first call, and a fresh token for it.

        The token that it got before is revoked, so that of a bot started twice only the last one runs.

        `bot`: The bot's name: 1 to 32 of a–z, 0–9, - and _.
        `name`: The name that contacts see; absent: the bot's.

        Raises `InvalidName`, `StoreFull`, `TooManyTokens`.
        """
        return await self._call("bots.register", RegisteredBot, {"bot": bot, "name": name})

    async def save(self, *, bot: str, place: int, account: str | None = None) -> Done:
        """Move a bot's place on, past events that it has nothing to say to.

        `bot`: The bot's name: 1 to 32 of a–z, 0–9, - and _.
        `place`: All events up to this one are dealt with.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `StoreFull`.
        """
        return await self._call("bots.save", Done, {"bot": bot, "place": place, "account": account})

    async def state(self, *, bot: str, conversation: str, account: str | None = None) -> BotState:
        """What a bot keeps about a conversation.

        `bot`: The bot's name: 1 to 32 of a–z, 0–9, - and _.
        `conversation`: The id of a conversation.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`.
        """
        return await self._call("bots.state", BotState, {"bot": bot, "conversation": conversation, "account": account})


class ContactsMethods(Noun):
    """The methods `contacts.*`."""

    async def block(self, *, contact: str, blocked: bool = True, account: str | None = None) -> ContactItem:
        """Block a contact, or with `blocked: false` unblock them; they do not learn of it.

        `contact`: The id of a contact: their account id (`mp1…`).
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `UnknownContact`, `StoreFull`.
        """
        return await self._call(
            "contacts.block", ContactItem, {"contact": contact, "blocked": blocked, "account": account}
        )

    async def get(self, *, contact: str, account: str | None = None) -> ContactItem:
        """One contact.

        `contact`: The id of a contact: their account id (`mp1…`).
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `UnknownContact`.
        """
        return await self._call("contacts.get", ContactItem, {"contact": contact, "account": account})

    async def list(self, *, limit: int = 500, after: str | None = None, account: str | None = None) -> ContactPage:
        """All contacts of the account, oldest first, pending ones included.

        `limit`: At most so many items; a page may hold fewer.
        `after`: The `next` of the page before.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`.
        """
        return await self._call("contacts.list", ContactPage, {"limit": limit, "after": after, "account": account})

    def iterate(self, *, limit: int = 500, account: str | None = None) -> Pages[ContactItem]:
        """All that `list` finds, over all its pages: `async for … in`."""
        return Pages(lambda cursor: self.list(limit=limit, account=account, after=cursor))

    async def remove(self, *, contact: str, account: str | None = None) -> Done:
        """Forget a contact, with the conversation and its messages.

        `contact`: The id of a contact: their account id (`mp1…`).
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `UnknownContact`, `StoreFull`.
        """
        return await self._call("contacts.remove", Done, {"contact": contact, "account": account})

    async def rename(self, *, contact: str, name: str, account: str | None = None) -> ContactItem:
        """Give a contact a name of one's own; they do not learn of it.

        `contact`: The id of a contact: their account id (`mp1…`).
        `name`: The petname; empty to go by the name they chose.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `InvalidName`, `UnknownContact`, `StoreFull`.
        """
        return await self._call("contacts.rename", ContactItem, {"contact": contact, "name": name, "account": account})

    async def safety_number(self, *, contact: str, account: str | None = None) -> SafetyNumber:
        """The number to compare with what the contact sees, in person or over a line where their voice is known.

        `contact`: The id of a contact: their account id (`mp1…`).
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `UnknownContact`.
        """
        return await self._call("contacts.safety_number", SafetyNumber, {"contact": contact, "account": account})

    async def unverify(self, *, contact: str, account: str | None = None) -> ContactItem:
        """Take back that a contact is verified; they do not learn of it.

        `contact`: The id of a contact: their account id (`mp1…`).
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `UnknownContact`, `StoreFull`.
        """
        return await self._call("contacts.unverify", ContactItem, {"contact": contact, "account": account})

    async def verify(
        self,
        *,
        contact: str | None = None,
        number: str | None = None,
        code: str | None = None,
        account: str | None = None,
    ) -> ContactItem:
        """Verify a contact by the safety number that they read out, or by the code that they showed, just one of the
        two.

        The right number verifies at once; a wrong one changes nothing. A code verifies both sides once its maker has
        confirmed it: `verified` is still false here then, and `contact.changed` tells. With `contact`, a code that is
        not theirs is refused.

        `contact`: The id of a contact: their account id (`mp1…`).
        `number`: 60 digits, with any white space.
        `code`: An invite as it was received, or a code as it was scanned.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `UnknownContact`, `ContactBlocked`, `InviteMalformed`, `InviteExpired`,
        `InviteOwn`, `InviteVersion`, `NumbersDiffer`, `CodeOfAnother`, `NotACode`, `StoreFull`.
        """
        return await self._call(
            "contacts.verify", ContactItem, {"contact": contact, "number": number, "code": code, "account": account}
        )


class ConversationsMethods(Noun):
    """The methods `conversations.*`."""

    async def get(
        self, *, contact: str | None = None, conversation: str | None = None, account: str | None = None
    ) -> ConversationItem:
        """One conversation, by its id or its contact's.

        `contact`: The id of a contact: their account id (`mp1…`).
        `conversation`: The id of a conversation.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `UnknownContact`, `UnknownConversation`.
        """
        return await self._call(
            "conversations.get",
            ConversationItem,
            {"contact": contact, "conversation": conversation, "account": account},
        )

    async def list(self, *, limit: int = 500, after: str | None = None, account: str | None = None) -> ConversationPage:
        """All conversations with their unread counts, the one where something happened last first.

        `limit`: At most so many items; a page may hold fewer.
        `after`: The `next` of the page before.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`.
        """
        return await self._call(
            "conversations.list", ConversationPage, {"limit": limit, "after": after, "account": account}
        )

    def iterate(self, *, limit: int = 500, account: str | None = None) -> Pages[ConversationItem]:
        """All that `list` finds, over all its pages: `async for … in`."""
        return Pages(lambda cursor: self.list(limit=limit, account=account, after=cursor))

    async def typing(
        self, *, active: bool, contact: str | None = None, conversation: str | None = None, account: str | None = None
    ) -> Done:
        """Let a contact who is online see that one is typing, or stopped; for others it does nothing.

        `active`: Whether one is typing; false once one stopped.
        `contact`: The id of a contact: their account id (`mp1…`).
        `conversation`: The id of a conversation.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `UnknownContact`, `UnknownConversation`, `StoreFull`.
        """
        return await self._call(
            "conversations.typing",
            Done,
            {"active": active, "contact": contact, "conversation": conversation, "account": account},
        )


class IdentityMethods(Noun):
    """The methods `identity.*`."""

    async def show(self, *, account: str | None = None) -> Identity:
        """The account's id and name, and the addresses of this node.

        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`.
        """
        return await self._call("identity.show", Identity, {"account": account})


class InvitesMethods(Noun):
    """The methods `invites.*`."""

    async def accept(self, *, uri: str, account: str | None = None) -> Accepted:
        """Accept an invite. Returns at once; the contact is `pending` until the other side has answered.

        Who accepts a code says that it was shown to them in person: its maker's answer verifies both sides.

        `uri`: An invite as it was received, or a code as it was scanned.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `InviteMalformed`, `InviteExpired`, `InviteUsed`, `InviteOwn`,
        `InviteUnknown`, `AlreadyContact`, `InviteVersion`, `StoreFull`.
        """
        return await self._call("invites.accept", Accepted, {"uri": uri, "account": account})

    async def create(
        self, *, uses: int = 1, expires_in: int | None = None, in_person: bool = False, account: str | None = None
    ) -> CreatedInvite:
        """Make an invite. Whoever accepts it becomes a contact, without further confirmation.

        `uses`: How many may use it.
        `expires_in`: Seconds it is good for; else `invites.expires_days`.
        `in_person`: Make a code to be shown in person, for one use within 300 seconds: it verifies.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `StoreFull`.
        """
        return await self._call(
            "invites.create",
            CreatedInvite,
            {"uses": uses, "expires_in": expires_in, "in_person": in_person, "account": account},
        )


class MessagesMethods(Noun):
    """The methods `messages.*`."""

    async def get(self, *, message_id: str, account: str | None = None) -> MessageItem:
        """One message, with its state and route.

        `message_id`: The id of a message.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `UnknownMessage`.
        """
        return await self._call("messages.get", MessageItem, {"message_id": message_id, "account": account})

    async def list(
        self,
        *,
        contact: str | None = None,
        conversation: str | None = None,
        limit: int = 100,
        before: str | None = None,
        account: str | None = None,
    ) -> MessagePage:
        """A page of a conversation, newest first. It may end early, so that it fits into a line.

        `contact`: The id of a contact: their account id (`mp1…`).
        `conversation`: The id of a conversation.
        `limit`: At most so many items; a page may hold fewer.
        `before`: The `next` of the page before.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `UnknownContact`, `UnknownConversation`.
        """
        return await self._call(
            "messages.list",
            MessagePage,
            {"contact": contact, "conversation": conversation, "limit": limit, "before": before, "account": account},
        )

    def iterate(
        self,
        *,
        contact: str | None = None,
        conversation: str | None = None,
        limit: int = 100,
        account: str | None = None,
    ) -> Pages[MessageItem]:
        """All that `list` finds, over all its pages: `async for … in`."""
        return Pages(
            lambda cursor: self.list(
                contact=contact, conversation=conversation, limit=limit, account=account, before=cursor
            )
        )

    async def mark_read(self, *, message_id: str, account: str | None = None) -> Done:
        """Mark a conversation as read up to and including a message; its sender gets receipts.

        `message_id`: The id of a message.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `UnknownMessage`, `StoreFull`.
        """
        return await self._call("messages.mark_read", Done, {"message_id": message_id, "account": account})

    async def search(
        self, *, query: str, limit: int = 100, before: str | None = None, account: str | None = None
    ) -> MessagePage:
        """Messages that hold all words of a query, newest first; accents and case are ignored.

        `query`: Words; the last one may be a beginning.
        `limit`: At most so many items; a page may hold fewer.
        `before`: The `next` of the page before.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`.
        """
        return await self._call(
            "messages.search", MessagePage, {"query": query, "limit": limit, "before": before, "account": account}
        )

    def iterate_search(self, *, query: str, limit: int = 100, account: str | None = None) -> Pages[MessageItem]:
        """All that `search` finds, over all its pages: `async for … in`."""
        return Pages(lambda cursor: self.search(query=query, limit=limit, account=account, before=cursor))

    async def send(
        self,
        *,
        text: str,
        contact: str | None = None,
        conversation: str | None = None,
        reply_to: str | None = None,
        request_id: str | None = None,
        account: str | None = None,
    ) -> SentMessage:
        """Send a text to a contact, a pending one too. Returns once it is durable, not once it is delivered.

        `text`: At most `messages.max_text` bytes of UTF-8.
        `contact`: The id of a contact: their account id (`mp1…`).
        `conversation`: The id of a conversation.
        `reply_to`: The message that this one answers.
        `request_id`: The same one again makes no second message.
        `account`: The id of an account of this node (`mp1…`).

        Raises `UnknownAccount`, `NoAccount`, `UnknownContact`, `ContactBlocked`, `ContactRefused`, `UnknownMessage`,
        `UnknownConversation`, `MessageTooLarge`, `Rejected`, `EmptyMessage`, `RequestReused`, `StoreFull`.
        """
        return await self._call(
            "messages.send",
            SentMessage,
            {
                "text": text,
                "contact": contact,
                "conversation": conversation,
                "reply_to": reply_to,
                "request_id": request_id,
                "account": account,
            },
        )


class SystemMethods(Noun):
    """The methods `system.*`."""

    async def hello(self, *, client: str | None = None, api: int | None = None, token: str | None = None) -> Hello:
        """Say who calls and learn what the node offers. Optional; an answer means that the node is ready.

        On `rpc.bots_socket` it comes first, with a token. A token that is refused ends the session.

        `client`: Name and version of the client.
        `api`: The version of this interface that the client was made for.
        `token`: Act as this token allows, from now on.

        Raises `ApiVersion`, `TokenRefused`, `NotPermitted`.
        """
        return await self._call("system.hello", Hello, {"client": client, "api": api, "token": token})

    async def stats(self) -> dict[str, Any]:
        """Counters of the node, by name; which there are may change.

        Of the process: `rss_bytes`, `max_rss_bytes`, `descriptors`, `threads`, `tasks`. None of them grows for good. Of
        each queue, under `queues`, `store` and `transports`, the length, `…_most` ever and the `…_limit` at which
        whoever fills it waits.
        """
        return await self._call("system.stats", dict[str, Any], {})

    async def stop(self) -> Done:
        """Stop the daemon; it ends a moment after the reply."""
        return await self._call("system.stop", Done, {})


class TokensMethods(Noun):
    """The methods `tokens.*`."""

    async def create(
        self, *, name: str, scopes: Sequence[str], expires_in: int | None = None, account: str | None = None
    ) -> CreatedToken:
        """Make a token, which a program shows with `system.hello {token}`. It is in the reply and nowhere else.

        A token that may call this by name alone gives no scope that it does not have itself.

        `name`: What it is for, to find it again.
        `scopes`: `read`, `write` (and `read`), `admin` (everything), or names of single methods.
        `expires_in`: Seconds; absent: never.
        `account`: The only account that it acts for; absent: all.

        Raises `UnknownAccount`, `InvalidName`, `StoreFull`, `NotPermitted`, `TooManyTokens`.
        """
        return await self._call(
            "tokens.create",
            CreatedToken,
            {"name": name, "scopes": scopes, "expires_in": expires_in, "account": account},
        )

    async def list(self) -> TokenPage:
        """All tokens that are good, oldest first."""
        return await self._call("tokens.list", TokenPage, {})

    def iterate(self) -> Pages[TokenItem]:
        """All that `list` finds, over all its pages: `async for … in`."""
        return Pages(lambda _: self.list())

    async def revoke(self, *, token_id: str) -> Done:
        """A token is good no more, at once: the sessions that showed it end.

        Raises `StoreFull`, `UnknownToken`.
        """
        return await self._call("tokens.revoke", Done, {"token_id": token_id})


class Nouns:
    """Every noun of the node as an attribute, and its events."""

    def __init__(self, call: Call) -> None:
        """`call` carries out a call."""
        self.accounts = AccountsMethods(call)
        self.bots = BotsMethods(call)
        self.contacts = ContactsMethods(call)
        self.conversations = ConversationsMethods(call)
        self.identity = IdentityMethods(call)
        self.invites = InvitesMethods(call)
        self.messages = MessagesMethods(call)
        self.system = SystemMethods(call)
        self.tokens = TokensMethods(call)

    @overload
    def events(
        self, *, topics: Sequence[Literal["message.received"]], after: int | None = None, account: str | None = None
    ) -> Events[MessageReceived]: ...
    @overload
    def events(
        self,
        *,
        topics: Sequence[Literal["message.sent", "message.delivered", "message.read", "message.failed"]],
        after: int | None = None,
        account: str | None = None,
    ) -> Events[MessageProgress]: ...
    @overload
    def events(
        self,
        *,
        topics: Sequence[Literal["contact.added", "contact.changed"]],
        after: int | None = None,
        account: str | None = None,
    ) -> Events[ContactEvent]: ...
    @overload
    def events(
        self, *, topics: Sequence[Literal["contact.keys_changed"]], after: int | None = None, account: str | None = None
    ) -> Events[ContactKeysChanged]: ...
    @overload
    def events(
        self, *, topics: Sequence[Literal["account.superseded"]], after: int | None = None, account: str | None = None
    ) -> Events[AccountSuperseded]: ...
    @overload
    def events(
        self, *, topics: Sequence[Literal["invite.reused"]], after: int | None = None, account: str | None = None
    ) -> Events[InviteReused]: ...
    @overload
    def events(
        self, *, topics: Sequence[Literal["plugin.failed"]], after: int | None = None, account: str | None = None
    ) -> Events[PluginFailed]: ...
    @overload
    def events(
        self,
        *,
        topics: Sequence[Literal["contact.online", "contact.offline"]],
        after: int | None = None,
        account: str | None = None,
    ) -> Events[ContactPresence]: ...
    @overload
    def events(
        self, *, topics: Sequence[Literal["typing"]], after: int | None = None, account: str | None = None
    ) -> Events[Typing]: ...
    @overload
    def events(
        self, *, topics: Sequence[Literal["events.lagged"]], after: int | None = None, account: str | None = None
    ) -> Events[Lagged]: ...
    @overload
    def events(
        self, *, topics: Sequence[Topic | str] | None = None, after: int | None = None, account: str | None = None
    ) -> Events: ...
    def events(
        self, *, topics: Sequence[Topic | str] | None = None, after: int | None = None, account: str | None = None
    ) -> Events[Any]:
        """The node's events: of some topics or all, of one account or all.

        `topics`: those to follow, None for all.
        `after`: begin behind this number, 0 = with the oldest that is kept, None = from now on.
        `account`: whose, None for those of all accounts that one may see.
        """
        return self._follow(topics, after, account)

    def _follow(self, topics: Sequence[str] | None, after: int | None, account: str | None) -> Events[Any]:
        raise NotImplementedError
