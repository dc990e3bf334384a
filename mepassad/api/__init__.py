"""Everything a plugin may import: hooks, contracts, rows, and the errors of the contracts."""

from mepassad.api.context import Component, ConfigRegister, PluginContext
from mepassad.api.hookspecs import hookimpl
from mepassad.api.types import Secret
from mepassad.errors import (
    AddressRefused,
    BadBundle,
    Conflict,
    CryptoError,
    CryptoUnsupported,
    DecryptFailed,
    Duplicate,
    GapTooLarge,
    KeyMissing,
    NoSession,
    Rejected,
    StoreBroken,
    StoreBusy,
    StoreFull,
    StoreTooNew,
    StreamClosed,
    Unreachable,
)

__all__ = [
    "AddressRefused",
    "BadBundle",
    "Component",
    "ConfigRegister",
    "Conflict",
    "CryptoError",
    "CryptoUnsupported",
    "DecryptFailed",
    "Duplicate",
    "GapTooLarge",
    "KeyMissing",
    "NoSession",
    "PluginContext",
    "Rejected",
    "Secret",
    "StoreBroken",
    "StoreBusy",
    "StoreFull",
    "StoreTooNew",
    "StreamClosed",
    "Unreachable",
    "hookimpl",
]
