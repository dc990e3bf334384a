"""Errors of JSON-RPC itself; they keep the codes of its specification (2.0, section 5.1)."""

from __future__ import annotations

from mepassad.errors.base import MepassaError


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
