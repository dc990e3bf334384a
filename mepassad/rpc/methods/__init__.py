"""The RPC methods, one module a noun."""

from mepassad.api.methods import Declaration
from mepassad.rpc.methods import (
    accounts,
    bots,
    contacts,
    conversations,
    events,
    identity,
    invites,
    messages,
    system,
    tokens,
)

ALL: tuple[Declaration, ...] = tuple(
    value
    for noun in (system, identity, accounts, tokens, invites, contacts, conversations, messages, events, bots)
    for value in vars(noun).values()
    if isinstance(value, Declaration)
)
