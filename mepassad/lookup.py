"""The rooms around directories, put together: under what accounts are found, publishing that, finding others."""

from __future__ import annotations

import anyio
from anyio.abc import TaskGroup

from mepassad.api.context import Clock, Log
from mepassad.api.directory import Directory
from mepassad.api.store import Store
from mepassad.api.types import Contact
from mepassad.bus import Bus, Change
from mepassad.delivery.directory import Directories
from mepassad.delivery.finder import Finder
from mepassad.delivery.handshake import Handshakes
from mepassad.delivery.introductions import Introductions
from mepassad.delivery.links import Links
from mepassad.delivery.publisher import Publisher
from mepassad.delivery.router import Router
from mepassad.delivery.worked import Worked
from mepassad.people.accounts import Accounts
from mepassad.people.address_numbers import AddressNumbers
from mepassad.people.contacts import Contacts
from mepassad.people.reunions import Reunions
from mepassad.supervisor import Supervisor


class Lookup:
    """Who is found where."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        clock: Clock,
        log: Log,
        accounts: Accounts,
        contacts: Contacts,
        reunions: Reunions,
        introductions: Introductions,
        handshakes: Handshakes,
    ) -> None:
        """Contacts are told under what number an account is found from the first introduction on."""
        self.numbers = AddressNumbers(store)
        self.worked = Worked(store, clock, log)
        self.directories = Directories(clock, log)
        self.publisher = Publisher(
            store, clock, log, accounts, contacts, self.numbers, reunions, self.directories
        )  # fmt: skip
        self.finder = Finder(bus, clock, log, contacts, handshakes, self.directories)
        introductions.findable = self.publisher.findable
        contacts.blocking = self.shut_out

    def shut_out(self, change: Change, contact: Contact) -> None:
        """A contact may not follow any more: its account is found under another number from now on."""
        self.numbers.replace(change, contact.account)

    def link(self, links: Links, router: Router, tasks: TaskGroup) -> None:
        """There are transports now; before any of them listens."""
        self.directories.links, self.finder.tasks = links, tasks
        router.seek = self.finder.seek
        self.finder.found = lambda contact: router.deliver(contact, ())
        self.publisher.tell = router.told

    def supervised(self, supervisor: Supervisor) -> None:
        """Directories of plugins come and go."""
        self.directories.up = lambda: tuple(supervisor.live["directory"].values())
        supervisor.begin["directory"] = self._begin

    def _begin(self, directory: Directory) -> None:
        directory.admit(self.directories.check)
        self.publisher.hurry()

    async def run(self) -> None:
        """Publish, and keep what was learnt, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.publisher.run)
            tasks.start_soon(self.worked.run)
