"""docs/rpc.md: the OpenRPC document for people."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

Schema = dict[str, Any]

_HEAD = """\
# RPC

Generated from the code by `make gen`; `openrpc.json` beside it is the same for programs.

JSON-RPC 2.0 on the Unix socket `rpc.socket`: one JSON object a line, UTF-8. Parameters go by name, results are objects,
ids are opaque strings, times RFC 3339 in UTC, bytes base64url, pages `{items, next}`. `account` absent means the first
account of the node. Unknown parameters are refused; clients ignore keys of results that they do not know.

```json
{"jsonrpc": "2.0", "id": 1, "method": "messages.send", "params": {"contact": "mp1…", "text": "bom dia"}}
{"jsonrpc": "2.0", "id": 1, "result": {"message_id": "…"}}
{"jsonrpc": "2.0", "id": 2, "error": {"code": 1100, "message": "There is no such contact; …", "data": {"name": "UnknownContact"}}}
{"jsonrpc": "2.0", "method": "events.event", "params": {"subscription": "…", "seq": 7, "topic": "message.received", "data": {…}}}
```

Limits are keys of `config.yaml`: a line above `rpc.max_line` is answered by one error and the connection closed; with
`rpc.max_calls` calls in flight a session is not read; a client that leaves its replies unread for `rpc.write_timeout`
seconds is dropped. A batch (JSON array) is refused. A request without `id` gets no reply.
"""  # noqa: E501 - an example is one line on the wire, too

_EVENTS = """\
## Events

After `events.subscribe` they come as notifications `events.event {subscription, seq, topic, data}`. Facts are durable
and numbered by `seq`; signals have `seq` null, are not kept, and are dropped while a client reads too slowly.
"""


def render(document: Schema) -> str:
    """The page."""
    return "\n".join([*_lines(document)]).rstrip() + "\n"


def _lines(document: Schema) -> Iterator[str]:
    yield _HEAD
    yield "Any method may fail with:\n"
    yield from _errors(document["components"]["errors"].values())
    for noun, methods in groupby(document["methods"], key=lambda method: method["name"].partition(".")[0]):
        yield f"\n## {noun}"
        for method in methods:
            yield from _method(method)
    yield "\n" + _EVENTS
    for event in document["x-events"]:
        durable = "fact" if event["durable"] else "signal"
        yield f"- `{event['topic']}` ({durable}, {_type(event['schema'])}): {event['description']}"
    yield "\n## Objects"
    for name, schema in document["components"]["schemas"].items():
        yield f"\n### {name}\n\n{schema.get('description', '')}\n"
        yield from _fields(schema)


def _method(method: Schema) -> Iterator[str]:
    yield f"\n### {method['name']}\n\n{method['summary']}\n"
    if "description" in method:
        yield method["description"] + "\n"
    for param in method["params"]:
        yield _field(param["name"], param["schema"], param["required"])
    yield f"- returns {_type(method['result']['schema'])}; scope `{method['x-scope']}`"
    if method["errors"]:
        yield "- errors:"
        yield from ("  " + line for line in _errors(method["errors"]))


def _errors(errors: Any) -> Iterator[str]:
    for error in errors:
        yield f"- {error['code']} `{error['data']['name']}`: {error['message']}"


def _fields(schema: Schema) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        yield _field(name, field, name in schema.get("required", ()))


def _field(name: str, schema: Schema, required: bool) -> str:
    default = schema.get("default")
    notes = [_type(schema), *([] if required else ["optional"]), *([f"default `{default}`"] if default else [])]
    about = _description(schema)
    return f"- `{name}` ({', '.join(notes)})" + (f": {about}" if about else "")


def _description(schema: Schema) -> str:
    found = [schema, *schema.get("anyOf", ())]
    return next((one["description"] for one in found if "description" in one), "")


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join("null" if one is None else f"`{one}`" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema.get("type", "anything"))
