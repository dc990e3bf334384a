"""The RPC methods, one module a noun."""

from mepassad.rpc.methods import accounts, contacts, conversations, events, identity, invites, messages, system
from mepassad.rpc.registry import Method

ALL: tuple[Method, ...] = tuple(
    value
    for noun in (system, identity, accounts, invites, contacts, conversations, messages, events)
    for value in vars(noun).values()
    if isinstance(value, Method)
)
