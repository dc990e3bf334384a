"""Errors of tokens and of what they allow: 2000 to 2099."""

from __future__ import annotations

from mepassad.errors.base import MepassaError


class TokenRefused(MepassaError):
    """This token is unknown, was revoked or has expired; make a new one with `mepassa tokens create`."""

    code = 2000


class NotPermitted(MepassaError):
    """This session may not do that."""

    code = 2001


class UnknownToken(MepassaError):
    """There is no such token; `tokens.list` shows those that there are."""

    code = 2002


class TooManyTokens(MepassaError):
    """There are as many tokens as `rpc.max_tokens` allows; revoke those that nobody needs."""

    code = 2003
