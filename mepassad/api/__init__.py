"""Everything a plugin may import: hooks, contracts, rows, and the errors of the contracts."""

from mepassad.api.backoff import Backoff
from mepassad.api.context import Component, ConfigRegister, PluginContext
from mepassad.api.gauges import Gauge
from mepassad.api.hookspecs import hookimpl
from mepassad.api.methods import AccountParams, Declaration, Done, Params, Result, Scope, method
from mepassad.api.types import Secret
from mepassad.errors import (
    AddressRefused,
    AlreadyOpened,
    BadBundle,
    Conflict,
    CryptoError,
    CryptoUnsupported,
    DecryptFailed,
    Duplicate,
    GapTooLarge,
    KeyMissing,
    MepassaError,
    NoSession,
    OtherNode,
    Rejected,
    StoreBroken,
    StoreBusy,
    StoreFull,
    StoreTooNew,
    StreamClosed,
    Unreachable,
)

__all__ = [
    "AccountParams",
    "AddressRefused",
    "AlreadyOpened",
    "Backoff",
    "BadBundle",
    "Component",
    "ConfigRegister",
    "Conflict",
    "CryptoError",
    "CryptoUnsupported",
    "Declaration",
    "DecryptFailed",
    "Done",
    "Duplicate",
    "GapTooLarge",
    "Gauge",
    "KeyMissing",
    "MepassaError",
    "NoSession",
    "OtherNode",
    "Params",
    "PluginContext",
    "Rejected",
    "Result",
    "Scope",
    "Secret",
    "StoreBroken",
    "StoreBusy",
    "StoreFull",
    "StoreTooNew",
    "StreamClosed",
    "Unreachable",
    "hookimpl",
    "method",
]
