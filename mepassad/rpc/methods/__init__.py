"""The RPC methods, one module a noun."""

from mepassad.api.methods import Declaration
from mepassad.rpc.methods import accounts, contacts, conversations, events, identity, invites, messages, system

ALL: tuple[Declaration, ...] = tuple(
    value
    for noun in (system, identity, accounts, invites, contacts, conversations, messages, events)
    for value in vars(noun).values()
    if isinstance(value, Declaration)
)
