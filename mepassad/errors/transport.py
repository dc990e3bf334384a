"""Errors of connections to other nodes: 1400 to 1499."""

from __future__ import annotations

from mepassad.errors.base import MepassaError


class Unreachable(MepassaError):
    """The other node cannot be reached now."""

    code = 1400


class OtherNode(Unreachable):
    """Another node than the expected one answers at this address."""

    code = 1405


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
