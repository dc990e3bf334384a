"""The OpenRPC document of the methods and events (https://spec.open-rpc.org, 1.3.2), made from the typed functions."""

from __future__ import annotations

from typing import Any

import msgspec

from mepassad.api.events import FACTS, TOPICS
from mepassad.errors import (
    InternalError,
    InvalidParams,
    InvalidRequest,
    MepassaError,
    MethodNotFound,
    NotPermitted,
    ParseError,
    TokenRefused,
    TooManySessions,
)
from mepassad.rpc.events import DATA, EventMessage
from mepassad.rpc.methods.system import API
from mepassad.rpc.registry import Method, Registry

Schema = dict[str, Any]

GENERAL_ERRORS: tuple[type[MepassaError], ...] = (
    ParseError,
    InvalidRequest,
    MethodNotFound,
    InvalidParams,
    InternalError,
    TooManySessions,
    TokenRefused,
    NotPermitted,
)
"""Errors that any call may meet: JSON-RPC's own, and those of whom the node does not let in."""

_REF = "#/components/schemas/{name}"


def document(registry: Registry) -> Schema:
    """The whole document, JSON-ready."""
    methods = registry.all()
    types: list[Any] = [kind for method in methods for kind in (method.params, method.result)] + [
        *DATA.values(),
        EventMessage,
    ]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type: dict[Any, Schema] = dict(zip(types, schemas, strict=True))
    params = {method.name: components[by_type[method.params]["$ref"].rpartition("/")[2]] for method in methods}
    kept = {name: schema for name, schema in components.items() if not name.endswith("Params")}
    return {
        "openrpc": "1.3.2",
        "info": {
            "title": "mepassad",
            "version": str(API),
            "description": "JSON-RPC 2.0 on a Unix socket, one object a line.",
            "license": {"name": "AGPL-3.0-or-later"},
        },
        "methods": [_method(one, by_type[one.result], params[one.name]) for one in methods],
        "x-events": [_event(topic, by_type) for topic in TOPICS],
        "x-notifications": [{"name": "events.event", "params": by_type[EventMessage]}],
        "components": {"schemas": kept, "errors": {error.__name__: _error(error) for error in GENERAL_ERRORS}},
    }


def _method(method: Method, result: Schema, params: Schema) -> Schema:
    summary, _, description = method.doc.partition("\n\n")
    return {
        "name": method.name,
        "summary": " ".join(summary.split()),
        **({"description": description} if description else {}),
        "paramStructure": "by-name",
        "params": _params(params),
        "result": {"name": "result", "schema": result},
        "errors": [_error(error) for error in sorted(set(method.errors), key=_code)],
        "x-scope": method.scope,
    }


def _params(schema: Schema) -> list[Schema]:
    required = schema.get("required", ())
    found = [{"name": name, "required": name in required, "schema": one} for name, one in schema["properties"].items()]
    return sorted(found, key=lambda param: (not param["required"], param["name"] == "account"))


def _code(error: type[MepassaError]) -> int:
    return error.code


def _error(error: type[MepassaError]) -> Schema:
    return {"code": error.code, "message": error().sentence, "data": {"name": error.__name__}}


def _event(topic: str, by_type: dict[Any, Schema]) -> Schema:
    return {
        "topic": topic,
        "description": TOPICS[topic],
        "durable": topic in FACTS,
        "schema": by_type[DATA[topic]],
    }
