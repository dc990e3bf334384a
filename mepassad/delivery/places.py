"""Where a contact is found while away, as they told: mailboxes, and the seal keys of their devices."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from mepassad.api.node_id import node_id_from_key
from mepassad.api.types import Contact, NodeId
from mepassad.errors import BadBundle
from mepassad.wire.messages_pb2 import DeviceSealKey, Places, SealKey
from mepassad.wire.seal import verify_seal_key

MAX_MAILBOXES = 4  # of a contact that are used; more are ignored
MAX_ADDRESSES = 8  # of one of them


@functools.lru_cache(maxsize=1024)
def _parsed(places: bytes) -> Places:
    return Places.FromString(places)


def places_of(contact: Contact) -> Places:
    """What a contact told last; not to be changed."""
    return _parsed(contact.places)


@functools.lru_cache(maxsize=1024)
def _mailboxes(places: bytes) -> Mapping[NodeId, Sequence[str]]:
    found: dict[NodeId, Sequence[str]] = {}
    for hint in _parsed(places).mailboxes[:MAX_MAILBOXES]:
        try:
            found[node_id_from_key(hint.key)] = tuple(hint.addresses[:MAX_ADDRESSES])
        except ValueError:
            continue  # what a contact says of one place is no reason not to use the others
    return found


def mailboxes_of(contact: Contact) -> Mapping[NodeId, Sequence[str]]:
    """The nodes of a contact's mailboxes, with their addresses."""
    return _mailboxes(contact.places)


def seal_key_of(contact: Contact, device: bytes, now: int) -> SealKey | None:
    """The newest seal key of a contact's device that may be used at `now` (Unix seconds), if one is known."""
    known = [listed.seal_key for listed in places_of(contact).seal_keys if listed.device == device]
    for key in sorted(known, key=lambda key: -key.created_at):
        try:
            verify_seal_key(key, device, now)
        except BadBundle:
            continue
        return key
    return None


def with_seal_keys(places: bytes, fresh: Mapping[bytes, SealKey]) -> bytes:
    """Places with these seal keys of devices, where they are newer than those known; nothing where none are known."""
    if not places:
        return places
    newer = Places.FromString(places)
    known = {listed.device: listed.seal_key for listed in newer.seal_keys}
    for device, key in fresh.items():
        if device not in known or known[device].created_at < key.created_at:
            known[device] = key
    listed = [DeviceSealKey(device=device, seal_key=key) for device, key in known.items()]
    del newer.seal_keys[:]
    newer.seal_keys.extend(listed)
    return newer.SerializeToString()


def under_directory(places: bytes) -> bytes:
    """Places of a contact who was restored: what lies for it, lies under its directory number now."""
    if not places:
        return places
    moved = Places.FromString(places)
    moved.number_key = moved.directory_key
    return moved.SerializeToString()
