"""`system.*`: the daemon itself."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from mepassad.api.events import TOPICS
from mepassad.api.methods import Done, Params, Result, method
from mepassad.errors import ApiVersion, NotPermitted, TokenRefused
from mepassad.rpc.caller import Caller
from mepassad.rpc.node import Node
from mepassad.rpc.values import AccountRef, secret

API = 1


class HelloParams(Params, frozen=True, kw_only=True):
    """Who calls, and which version of this interface it needs."""

    client: Annotated[str, Meta(max_length=200, description="Name and version of the client.")] | None = None
    api: Annotated[int, Meta(description="The version of this interface that the client was made for.")] | None = None
    token: Annotated[str, secret("Act as this token allows, from now on.", max_length=200)] | None = None


class Hello(Result, frozen=True, kw_only=True):
    """What answers."""

    version: Annotated[str, Meta(description="The version of the daemon.")]
    api: Annotated[int, Meta(description="The version of this interface; within one, it only grows.")]
    methods: list[str]
    topics: list[str]
    account: Annotated[AccountRef | None, Meta(description="The only account that this session acts for.")]
    scopes: Annotated[list[str], Meta(description="What it may do: `read`, `write`, `admin`, names of methods.")]
    max_text: Annotated[int, Meta(description="Bytes of UTF-8 that a text may have: `messages.max_text`.")]


@method("system.hello", scope="read", errors=[ApiVersion, NotPermitted, TokenRefused])
async def hello(node: Node, caller: Caller, params: HelloParams) -> Hello:
    """Say who calls and learn what the node offers. Optional; an answer means that the node is ready.

    On `rpc.bots_socket` it comes first, with a token. A token that is refused ends the session.
    """
    if params.api not in (None, API):
        raise ApiVersion(f"This node speaks version {API} of the interface, not {params.api}.", api=API)
    if params.token is not None:
        caller.present(params.token)
    may = caller.authority
    return Hello(
        version=node.version, api=API, methods=caller.methods, topics=sorted(TOPICS),
        account=may.account or None, scopes=list(may.scopes), max_text=node.outbox.max_text,
    )  # fmt: skip


@method("system.stats", scope="read")
async def stats(node: Node) -> dict[str, Any]:
    """Counters of the node, by name; which there are may change.

    Of the process: `rss_bytes`, `max_rss_bytes`, `descriptors`, `threads`, `tasks`. None of them grows for good.
    Of each queue, under `queues`, `store` and `transports`, the length, `…_most` ever and the `…_limit` at which
    whoever fills it waits.
    """
    return node.stats()


@method("system.stop", scope="admin")
async def stop(node: Node) -> Done:
    """Stop the daemon; it ends a moment after the reply."""
    node.stop()
    return Done()
