"""`events.*`: what happens, as it happens, and what happened before."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from mepassad.api.methods import AccountParams, Done, Params, Result, method
from mepassad.errors import (
    EventsExpired,
    TooManySubscriptions,
    UnknownAccount,
    UnknownSubscription,
    UnknownTopic,
)
from mepassad.rpc.caller import Caller
from mepassad.rpc.node import Node

_Topics = Annotated[
    list[Annotated[str, Meta(max_length=128)]], Meta(min_length=1, max_length=100, description="Absent: all topics.")
]


class SubscribeParams(AccountParams, frozen=True, kw_only=True):
    """What to follow, and from where. Without `account`: the events of all accounts."""

    topics: _Topics | None = None
    after: (
        Annotated[int, Meta(ge=0, le=2**63 - 1, description="Facts above this number; 0: from the oldest kept on.")]
        | None
    ) = None


class Subscribed(Result, frozen=True, kw_only=True):
    """The subscription; its events come as notifications `events.event`."""

    subscription: str
    seq: Annotated[int, Meta(description="The facts above this number follow; a cursor to begin with.")]


class UnsubscribeParams(Params, frozen=True, kw_only=True):
    """Which subscription."""

    subscription: Annotated[str, Meta(max_length=128)]


@method("events.subscribe", scope="read", errors=[EventsExpired, TooManySubscriptions, UnknownAccount, UnknownTopic])
async def subscribe(node: Node, caller: Caller, params: SubscribeParams) -> Subscribed:
    """Follow events: the kept facts after `after` (absent: from now on), then what happens, without a gap.

    Facts are numbered by `seq`, in order, and come at least once over all sessions: keep the last number that was
    dealt with, and give it as `after` next time. Signals have no number, are not kept, and are dropped while the
    reader is slow; `events.lagged` says how many.
    """
    wanted = caller.authority.account_for(params.account)
    account = None if wanted is None else node.accounts.resolve(wanted).id
    subscription, seq = await caller.subscriptions.open(
        params.topics, params.after, account, alone=bool(caller.authority.account)
    )
    return Subscribed(subscription=subscription, seq=seq)


@method("events.unsubscribe", scope="read", errors=[UnknownSubscription])
async def unsubscribe(caller: Caller, params: UnsubscribeParams) -> Done:
    """End a subscription; what is already written may still arrive."""
    caller.subscriptions.close(params.subscription)
    return Done()
