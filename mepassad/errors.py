"""Every error a user or client can meet: its stable code, and its docstring is the sentence they read.

A leaf: it imports nothing of the project, so that every room, `wire` and `api` included, may raise from it.
Ranges: 1000 identity, 1100 contacts and invites, 1200 messages, 1300 store, 1400 transport, 1500 crypto,
1600 configuration and files, 1700 events and sessions, 1900 plugins. JSON-RPC's own errors keep their codes.
"""

from __future__ import annotations

from typing import ClassVar


class MepassaError(Exception):
    """Something went wrong in mepassad."""

    code: ClassVar[int] = 1

    def __init__(self, sentence: str | None = None, **data: object) -> None:
        """`sentence` replaces the docstring's; `data` are machine-readable facts, never secrets or plaintext."""
        self.sentence = sentence or (type(self).__doc__ or "").strip().split("\n")[0]
        self.data = data
        super().__init__(self.sentence)

    @property
    def name(self) -> str:
        """The error's stable name, as clients see it in `data.name`."""
        return type(self).__name__


# -- JSON-RPC's own ---------------------------------------------------------------------------------------------


class ParseError(MepassaError):
    """The line is not valid JSON in UTF-8."""

    code = -32700


class InvalidRequest(MepassaError):
    """The line is not a JSON-RPC 2.0 request object."""

    code = -32600


class MethodNotFound(MepassaError):
    """No such method; `mepassa rpc system.hello` lists what this node offers."""

    code = -32601


class InvalidParams(MepassaError):
    """A parameter is missing, unknown or of the wrong type."""

    code = -32602


class InternalError(MepassaError):
    """Something failed inside the node; its log has the details under the incident number."""

    code = -32603


# -- identity ---------------------------------------------------------------------------------------------------


class UnknownAccount(MepassaError):
    """This node has no such account; `accounts.list` shows those it has."""

    code = 1000


class NoAccount(MepassaError):
    """This node has no account yet; run `mepassad init`."""

    code = 1001


class WrongWords(MepassaError):
    """These are not the 24 recovery words of an account: a word is misspelt, missing or out of order."""

    code = 1002


class InvalidName(MepassaError):
    """A name needs 1 to 64 visible characters."""

    code = 1003


class InvalidSignature(MepassaError):
    """A signature does not fit what it should have signed."""

    code = 1004


class AccountExists(MepassaError):
    """That account is already on this node."""

    code = 1005


# -- contacts and invites ---------------------------------------------------------------------------------------


class UnknownContact(MepassaError):
    """There is no such contact; `contacts.list` shows those you have."""

    code = 1100


class ContactBlocked(MepassaError):
    """This contact is blocked; unblock it first with `contacts.block {blocked: false}`."""

    code = 1101


class InviteMalformed(MepassaError):
    """This is not a mepassa invite, or part of it was lost when it was copied; ask for it again."""

    code = 1110


class InviteExpired(MepassaError):
    """This invite has expired; ask for a new one."""

    code = 1111


class InviteUsed(MepassaError):
    """This invite was already used; ask for a new one."""

    code = 1112


class InviteOwn(MepassaError):
    """This invite is your own; send it to somebody else."""

    code = 1113


class InviteUnknown(MepassaError):
    """The other side does not know this invite: it was altered, or withdrawn; ask for a new one."""

    code = 1114


class AlreadyContact(MepassaError):
    """You already have this contact."""

    code = 1115


class InviteVersion(MepassaError):
    """This invite needs a newer version of mepassad."""

    code = 1116


class ContactRefused(MepassaError):
    """This contact's invite was refused; accept a new one."""

    code = 1117


# -- messages ---------------------------------------------------------------------------------------------------


class UnknownMessage(MepassaError):
    """There is no such message."""

    code = 1200


class UnknownConversation(MepassaError):
    """There is no such conversation; `conversations.list` shows those you have."""

    code = 1201


class MessageTooLarge(MepassaError):
    """The text is longer than `messages.max_text` allows."""

    code = 1202


class Rejected(MepassaError):
    """A filter refused this message."""

    code = 1203


class EmptyMessage(MepassaError):
    """A text message needs at least one visible character."""

    code = 1204


class RequestReused(MepassaError):
    """This `request_id` was already used for a different message."""

    code = 1205


# -- store ------------------------------------------------------------------------------------------------------


class StoreFull(MepassaError):
    """The disk is full; nothing was lost, but nothing new can be kept until there is room."""

    code = 1300


class Conflict(MepassaError):
    """Another change came first; nothing of this one was kept, it can be tried again."""

    code = 1301


class Duplicate(MepassaError):
    """This was already kept; nothing was changed."""

    code = 1302


class StoreTooNew(MepassaError):
    """The data folder was written by a newer mepassad; use that version, or restore the backup it made."""

    code = 1303


class StoreBroken(MepassaError):
    """The data folder cannot be read."""

    code = 1304


class StoreBusy(MepassaError):
    """More is waiting for the disk than it can take; nothing of this was kept, try again in a moment."""

    code = 1305


# -- transport --------------------------------------------------------------------------------------------------


class Unreachable(MepassaError):
    """The other node cannot be reached now."""

    code = 1400


class StreamClosed(MepassaError):
    """The connection to the other node ended."""

    code = 1401


class MalformedFrame(MepassaError):
    """The other node sent bytes that are not of the protocol."""

    code = 1402


class FrameTooLarge(MepassaError):
    """The other node sent a frame above the limit."""

    code = 1403


class AddressRefused(MepassaError):
    """This address may not be listened on or dialled."""

    code = 1404


# -- crypto -----------------------------------------------------------------------------------------------------


class CryptoError(MepassaError):
    """A message or key could not be verified; nothing was changed."""

    code = 1500


class DecryptFailed(CryptoError):
    """A message could not be decrypted; nothing was changed."""

    code = 1501


class BadBundle(CryptoError):
    """The other device's prekeys are not acceptable: forged, stale or without a post-quantum key."""

    code = 1502


class NoSession(CryptoError):
    """The message belongs to a session that this device does not have."""

    code = 1503


class KeyMissing(CryptoError):
    """The message names a prekey that this device no longer has."""

    code = 1504


class GapTooLarge(CryptoError):
    """Too many messages of this session are missing before this one."""

    code = 1505


class CryptoUnsupported(CryptoError):
    """This build of `cryptography` has no ML-KEM; install the wheel from PyPI."""

    code = 1506


class MalformedContent(CryptoError):
    """The decrypted bytes are not a content of the protocol."""

    code = 1507


# -- configuration and files ------------------------------------------------------------------------------------


class ConfigError(MepassaError):
    """The configuration is wrong."""

    code = 1600


class AlreadyRunning(MepassaError):
    """Another mepassad already uses this data folder."""

    code = 1601


class UnsafePath(MepassaError):
    """A file or folder can be changed by others, so secrets must not be kept there."""

    code = 1602


class SocketInUse(MepassaError):
    """Another daemon already answers on this socket."""

    code = 1603


# -- events and sessions ----------------------------------------------------------------------------------------


class EventsExpired(MepassaError):
    """Events before `oldest` are no longer kept; read the lists, then subscribe after `oldest`."""

    code = 1700


class UnknownTopic(MepassaError):
    """There is no such topic."""

    code = 1701


class ApiVersion(MepassaError):
    """The client needs another version of this interface."""

    code = 1702


class UnknownSubscription(MepassaError):
    """This session has no such subscription."""

    code = 1703


class TooManySubscriptions(MepassaError):
    """This session has as many subscriptions as it may have; end one first."""

    code = 1704


class TooManySessions(MepassaError):
    """The daemon serves as many clients as it can; close one and try again."""

    code = 1705


# -- plugins ----------------------------------------------------------------------------------------------------


class PluginMissing(MepassaError):
    """A plugin that the configuration names is not installed."""

    code = 1900


class PluginBroken(MepassaError):
    """A plugin could not be loaded."""

    code = 1901


class PluginClash(MepassaError):
    """Two plugins claim the same name."""

    code = 1902


class ComponentFailed(MepassaError):
    """A component of the node failed while it was running."""

    code = 1903
