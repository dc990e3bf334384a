"""Finding a contact again whose addresses changed while nobody could be told. docs/protocol/directory.md."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from anyio.abc import TaskGroup
from msgspec.structs import replace

from mepassad.api.context import Clock, Log
from mepassad.api.types import AccountId, Contact
from mepassad.bus import Bus, Change, Fact, Signal
from mepassad.delivery.directory import Directories
from mepassad.delivery.handshake import Handshakes
from mepassad.delivery.introductions import MAX_ADDRESSES, MAX_NODES, read_nodes
from mepassad.delivery.places import MAX_MAILBOXES
from mepassad.errors import MepassaError
from mepassad.people.contacts import Contacts
from mepassad.wire.identity import verify_devices
from mepassad.wire.ids import account_key
from mepassad.wire.messages_pb2 import Places, Whereabouts
from mepassad.wire.records import Kind, read_record, record_key

FIRST = 5.0
"""Seconds between the first two looks for the same contact: it may be about to publish. Doubled up to `AGAIN`."""

AGAIN = 600.0
"""Seconds between two looks for the same contact, once the first were in vain: who is away for months costs little, and
who comes back looks for us."""

AT_ONCE = 16
"""Contacts that are looked for at the same time; the others wait for their turn."""

Key = tuple[AccountId, AccountId]
Nodes = dict[str, list[str]]


class Finder:
    """Looks for contacts in the directories, and takes up what is found as a hint: where to dial, and nothing else."""

    def __init__(
        self, bus: Bus, clock: Clock, log: Log, contacts: Contacts, handshakes: Handshakes, directories: Directories
    ) -> None:
        """`found` is called with a contact that may be reached now; `tasks` is set before transports listen. Of whoever
        comes online, the waits begin anew."""
        self._bus, self._clock, self._log = bus, clock, log
        self._contacts, self._handshakes, self._directories = contacts, handshakes, directories
        self._asked: dict[Key, tuple[float, float]] = {}  # when last, and how long to wait since
        self._seen: dict[tuple[Key, Kind], tuple[bytes, int]] = {}  # of the last name, the highest version
        self._turn = asyncio.Semaphore(AT_ONCE)
        self.found: Callable[[Contact], None] = lambda contact: None
        self.tasks: TaskGroup
        bus.subscribe(self._heard)

    def _heard(self, event: Fact | Signal) -> None:
        if event.topic == "contact.online":
            self._soon((AccountId(event.account), AccountId(str(event.data["contact"]))))

    def _soon(self, key: Key) -> None:
        """Let the waits for a contact begin anew, from the last look on: whoever is found often is asked no more."""
        if key in self._asked:
            self._asked[key] = self._asked[key][0], FIRST

    def hurry(self) -> None:
        """This node moved: what was in vain before may not be now."""
        for key in self._asked:
            self._soon(key)

    def seek(self, contact: Contact) -> None:
        """A contact was not reached at any address that is known. Looks for it in the background, not too often."""
        key, now = (contact.account, contact.id), self._clock.monotonic()
        last, wait = self._asked.get(key, (-FIRST, FIRST / 2))
        if not contact.places or now - last < wait:
            return
        self._asked[key] = now, min(2 * wait, AGAIN)
        self.tasks.start_soon(self._contained, contact)

    def forget(self, contact: Contact) -> None:
        """A contact was removed."""
        key = (contact.account, contact.id)
        self._asked.pop(key, None)
        for kind in Kind:
            self._seen.pop((key, kind), None)

    async def _contained(self, contact: Contact) -> None:
        try:
            async with self._turn:
                places = Places.FromString(contact.places)
                if not await self._moved(contact, places):
                    await self._restored(contact, places)
        except MepassaError as error:
            self._log.info("a contact was not found in the directory", reason=error.sentence)
        except Exception as error:
            self._log.error("looking for a contact failed", reason=f"{type(error).__name__}: {error}")

    async def _look(
        self, contact: Contact, kind: Kind, number: bytes, key: bytes, places: Places
    ) -> Whereabouts | None:
        """What the newest record says, unless a newer one was seen. Raises what `read_record` raises."""
        if len(number) != 32 or len(key) != 32:
            return None
        name, whose = record_key(kind, number), ((contact.account, contact.id), kind)
        of, seen = self._seen.get(whose, (name, 0))
        found = await self._directories.find(name, seen if of == name else 0, read_nodes(places.mailboxes))
        if found is None:
            return None
        version, said = read_record(name, found.value, key, int(self._clock.now()))
        self._seen[whose] = name, version
        return said

    async def _moved(self, contact: Contact, places: Places) -> bool:
        """Whether the contact says that it is elsewhere now."""
        said = await self._look(contact, Kind.ADDRESSES, places.addresses_number, places.addresses_key, places)
        current = self._contacts.find(contact.account, contact.id)
        if said is None or current is None or current.blocked or current.places != contact.places:
            return False
        nodes = merged(read_nodes(said.nodes), current.nodes)
        row = replace(current, nodes=nodes, places=_with_mailboxes(places, said))
        if row == current:
            return False
        change = Change()
        self._contacts.put_quietly(change, row)
        try:
            await self._bus.keep(change)
        except Exception:
            change.revert()
            raise
        self._log.info("a contact was found in the directory")
        self.found(row)
        return nodes != current.nodes

    async def _restored(self, contact: Contact, places: Places) -> None:
        """Look whether the contact was restored, and lives elsewhere. Raises `Unreachable`, `BadBundle`."""
        number, key = contact.directory[:32], places.directory_key
        said = await self._look(contact, Kind.CARD, number, key, places)
        current = self._contacts.find(contact.account, contact.id)
        if said is None or current is None or current.blocked or not said.nodes:
            return
        known, now = self._contacts.devices(current), int(self._clock.now())
        if said.HasField("devices"):
            devices = verify_devices(said.devices.SerializeToString(), account_key(contact.id), now)
            devices.check_follows(known)
            if known is not None and devices.stamp == known.stamp:
                return  # it is the one that we know
        await self._handshakes.reunite(current, read_nodes(said.nodes))
        self.found(current)


def merged(found: Nodes, known: Nodes) -> Nodes:
    """Nodes of a record, and behind them what was known before: a record may be older than that."""
    nodes = {node: list(addresses) for node, addresses in found.items()}
    for node, addresses in known.items():
        nodes[node] = list(dict.fromkeys((*nodes.get(node, ()), *addresses)))[:MAX_ADDRESSES]
    return dict(list(nodes.items())[:MAX_NODES])


def _with_mailboxes(places: Places, said: Whereabouts) -> bytes:
    """The contact's places with the mailboxes that its record names, and behind them those known before: a record may
    be older than what the contact told, and what lies where nobody looks any more arrives over the others."""
    named = {hint.key: hint for hint in said.mailboxes[:MAX_MAILBOXES]}
    known = [hint for hint in places.mailboxes if hint.key not in named]
    mailboxes = [*named.values(), *known][:MAX_MAILBOXES]
    del places.mailboxes[:]
    places.mailboxes.extend(mailboxes)
    return places.SerializeToString()
