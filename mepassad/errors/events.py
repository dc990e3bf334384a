"""Errors about events and RPC sessions: 1700 to 1799."""

from __future__ import annotations

from mepassad.errors.base import MepassaError


class EventsExpired(MepassaError):
    """Events before `oldest` are no longer kept; read the lists, then subscribe after `oldest`."""

    code = 1700


class UnknownTopic(MepassaError):
    """There is no such topic; `system.hello` lists those there are."""

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
