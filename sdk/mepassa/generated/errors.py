"""What the node may refuse, an exception each.

Generated from docs/openrpc.json by `make gen`; not to be edited.
"""

from __future__ import annotations

from mepassa.errors import RpcError


class ParseError(RpcError):
    """The line is not valid JSON in UTF-8."""


class InternalError(RpcError):
    """Something failed inside the node; its log has the details under the incident number."""


class InvalidParams(RpcError):
    """A parameter is missing, unknown or of the wrong type."""


class MethodNotFound(RpcError):
    """No such method; `mepassa rpc system.hello` lists what this node offers."""


class InvalidRequest(RpcError):
    """The line is not a JSON-RPC 2.0 request object."""


class UnknownAccount(RpcError):
    """This node has no such account; `accounts.list` shows those it has."""


class NoAccount(RpcError):
    """This node has no account yet; run `mepassad init`."""


class InvalidName(RpcError):
    """A name needs 1 to 64 visible characters."""


class UnknownContact(RpcError):
    """There is no such contact; `contacts.list` shows those you have."""


class ContactBlocked(RpcError):
    """This contact is blocked; unblock it first with `contacts.block {blocked: false}`."""


class InviteMalformed(RpcError):
    """This is no invite or code of mepassa, or part of it was lost when it was copied; ask for it again."""


class InviteExpired(RpcError):
    """This invite or code has expired; ask for a new one."""


class InviteUsed(RpcError):
    """This invite or code was used already, perhaps by somebody else: tell who made it, and ask for a new one."""


class InviteOwn(RpcError):
    """This invite or code is your own; give it to somebody else."""


class InviteUnknown(RpcError):
    """The other side does not know this invite or code: it was altered, or withdrawn; ask for a new one."""


class AlreadyContact(RpcError):
    """You already have this contact."""


class InviteVersion(RpcError):
    """This invite or code needs a newer version of mepassad."""


class ContactRefused(RpcError):
    """This contact's invite or code was refused; accept a new one."""


class NumbersDiffer(RpcError):
    """The numbers differ: a digit was misread, or somebody stands between you; compare again before you trust them."""


class CodeOfAnother(RpcError):
    """This code is not this contact's: somebody else writes to you under that name; accept it to reach its owner."""


class NotACode(RpcError):
    """This is a link, and a link verifies nobody; let them show you a code in person, or compare safety numbers."""


class UnknownMessage(RpcError):
    """There is no such message."""


class UnknownConversation(RpcError):
    """There is no such conversation; `conversations.list` shows those you have."""


class MessageTooLarge(RpcError):
    """The text is longer than `messages.max_text` allows."""


class Rejected(RpcError):
    """A filter refused this message."""


class EmptyMessage(RpcError):
    """A text message needs at least one visible character."""


class RequestReused(RpcError):
    """This `request_id` was already used for a different message."""


class StoreFull(RpcError):
    """The disk is full; nothing was lost, but nothing new can be kept until there is room."""


class EventsExpired(RpcError):
    """Events before `oldest` are no longer kept; read the lists, then subscribe after `oldest`."""


class UnknownTopic(RpcError):
    """There is no such topic; `system.hello` lists those there are."""


class ApiVersion(RpcError):
    """The client needs another version of this interface."""


class UnknownSubscription(RpcError):
    """This session has no such subscription."""


class TooManySubscriptions(RpcError):
    """This session has as many subscriptions as it may have; end one first."""


class TooManySessions(RpcError):
    """The daemon serves as many clients as it can; close one and try again."""


class TokenRefused(RpcError):
    """This token is unknown, was revoked or has expired; make a new one with `mepassa tokens create`."""


class NotPermitted(RpcError):
    """This session may not do that."""


class UnknownToken(RpcError):
    """There is no such token; `tokens.list` shows those that there are."""


class TooManyTokens(RpcError):
    """There are as many tokens as `rpc.max_tokens` allows; revoke those that nobody needs."""


class AlreadyAnswered(RpcError):
    """Another run of this bot has dealt with that event; nothing was kept or sent."""


class StateTooLarge(RpcError):
    """What the bot keeps about this conversation is larger than `rpc.max_state` allows."""


REFUSALS: dict[int, type[RpcError]] = {
    -32700: ParseError,
    -32603: InternalError,
    -32602: InvalidParams,
    -32601: MethodNotFound,
    -32600: InvalidRequest,
    1000: UnknownAccount,
    1001: NoAccount,
    1003: InvalidName,
    1100: UnknownContact,
    1101: ContactBlocked,
    1110: InviteMalformed,
    1111: InviteExpired,
    1112: InviteUsed,
    1113: InviteOwn,
    1114: InviteUnknown,
    1115: AlreadyContact,
    1116: InviteVersion,
    1117: ContactRefused,
    1118: NumbersDiffer,
    1119: CodeOfAnother,
    1120: NotACode,
    1200: UnknownMessage,
    1201: UnknownConversation,
    1202: MessageTooLarge,
    1203: Rejected,
    1204: EmptyMessage,
    1205: RequestReused,
    1300: StoreFull,
    1700: EventsExpired,
    1701: UnknownTopic,
    1702: ApiVersion,
    1703: UnknownSubscription,
    1704: TooManySubscriptions,
    1705: TooManySessions,
    2000: TokenRefused,
    2001: NotPermitted,
    2002: UnknownToken,
    2003: TooManyTokens,
    2100: AlreadyAnswered,
    2101: StateTooLarge,
}
"""The exceptions by their codes."""
