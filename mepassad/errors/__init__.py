"""Every error a user or client can meet: its stable code, and its docstring is the sentence they read.

A leaf: it imports nothing of the project, so that every room, `wire` and `api` included, may raise from it. One module
an area, each with a hundred codes of its own.
"""

from mepassad.errors.base import (
    MepassaError,
)
from mepassad.errors.crypto import (
    AlreadyOpened,
    BadBundle,
    CryptoError,
    CryptoUnsupported,
    DecryptFailed,
    GapTooLarge,
    KeyMissing,
    MalformedContent,
    NoSession,
)
from mepassad.errors.events import (
    ApiVersion,
    EventsExpired,
    TooManySessions,
    TooManySubscriptions,
    UnknownSubscription,
    UnknownTopic,
)
from mepassad.errors.files import (
    AlreadyRunning,
    ConfigError,
    SocketInUse,
    UnsafePath,
)
from mepassad.errors.identity import (
    AccountExists,
    InvalidName,
    InvalidSignature,
    NoAccount,
    UnknownAccount,
    WrongWords,
)
from mepassad.errors.messages import (
    EmptyMessage,
    MessageTooLarge,
    Rejected,
    RequestReused,
    UnknownConversation,
    UnknownMessage,
)
from mepassad.errors.people import (
    AlreadyContact,
    ContactBlocked,
    ContactRefused,
    InviteExpired,
    InviteMalformed,
    InviteOwn,
    InviteUnknown,
    InviteUsed,
    InviteVersion,
    UnknownContact,
)
from mepassad.errors.plugins import (
    ComponentFailed,
    PluginBroken,
    PluginClash,
    PluginMissing,
)
from mepassad.errors.rpc import (
    InternalError,
    InvalidParams,
    InvalidRequest,
    MethodNotFound,
    ParseError,
)
from mepassad.errors.store import (
    Conflict,
    Duplicate,
    StoreBroken,
    StoreBusy,
    StoreFull,
    StoreTooNew,
)
from mepassad.errors.transport import (
    AddressRefused,
    FrameTooLarge,
    MalformedFrame,
    OtherNode,
    StreamClosed,
    Unreachable,
)

__all__ = [
    "AccountExists",
    "AddressRefused",
    "AlreadyContact",
    "AlreadyOpened",
    "AlreadyRunning",
    "ApiVersion",
    "BadBundle",
    "ComponentFailed",
    "ConfigError",
    "Conflict",
    "ContactBlocked",
    "ContactRefused",
    "CryptoError",
    "CryptoUnsupported",
    "DecryptFailed",
    "Duplicate",
    "EmptyMessage",
    "EventsExpired",
    "FrameTooLarge",
    "GapTooLarge",
    "InternalError",
    "InvalidName",
    "InvalidParams",
    "InvalidRequest",
    "InvalidSignature",
    "InviteExpired",
    "InviteMalformed",
    "InviteOwn",
    "InviteUnknown",
    "InviteUsed",
    "InviteVersion",
    "KeyMissing",
    "MalformedContent",
    "MalformedFrame",
    "MepassaError",
    "MessageTooLarge",
    "MethodNotFound",
    "NoAccount",
    "NoSession",
    "OtherNode",
    "ParseError",
    "PluginBroken",
    "PluginClash",
    "PluginMissing",
    "Rejected",
    "RequestReused",
    "SocketInUse",
    "StoreBroken",
    "StoreBusy",
    "StoreFull",
    "StoreTooNew",
    "StreamClosed",
    "TooManySessions",
    "TooManySubscriptions",
    "UnknownAccount",
    "UnknownContact",
    "UnknownConversation",
    "UnknownMessage",
    "UnknownSubscription",
    "UnknownTopic",
    "Unreachable",
    "UnsafePath",
    "WrongWords",
]
