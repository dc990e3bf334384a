"""Beginning sessions: prekeys are asked for at the contact's node, and the first packet says hello."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import anyio
from msgspec.structs import replace

from mepassad.api.context import Clock
from mepassad.api.transport import Stream
from mepassad.api.types import Contact, NodeId
from mepassad.bus import Bus, Change
from mepassad.delivery.boxes import LINGERS
from mepassad.delivery.contents import Contents
from mepassad.delivery.introductions import Introductions
from mepassad.delivery.links import Links
from mepassad.delivery.losses import Losses
from mepassad.delivery.outbox import Outbox
from mepassad.delivery.places import under_directory, with_seal_keys
from mepassad.delivery.prekeys import Prekeys
from mepassad.delivery.renewals import Renewals
from mepassad.delivery.sessions import Sessions
from mepassad.delivery.settlement import Settlement
from mepassad.errors import (
    BadBundle,
    InviteExpired,
    InviteUnknown,
    InviteUsed,
    OtherNode,
    StreamClosed,
    Unreachable,
)
from mepassad.people.accounts import Accounts, Me
from mepassad.people.contacts import Contacts
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.identity import Devices, parse, verify_devices
from mepassad.wire.ids import account_key
from mepassad.wire.invites import parse_invite
from mepassad.wire.messages_pb2 import DeviceBundle, PrekeyReply, PrekeyRequest
from mepassad.wire.packets import PREKEY_PROTOCOL, Reason
from mepassad.wire.seal import verify_seal_key

MAX_REQUEST = 256
MAX_REPLY = 256 * 1024
REQUESTS = 16  # answered on one stream
PATIENCE = 20.0  # seconds for one exchange

SENTENCES: dict[int, str] = {
    Reason.INVITE_UNKNOWN: InviteUnknown().sentence,
    Reason.INVITE_EXPIRED: InviteExpired().sentence,
    Reason.INVITE_USED: InviteUsed().sentence,
}


class Handshakes:
    """Both sides of `/mepassa/prekeys/1`, and the hello that follows."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        accounts: Accounts,
        contacts: Contacts,
        sessions: Sessions,
        contents: Contents,
        introductions: Introductions,
        outbox: Outbox,
        prekeys: Prekeys,
        settlement: Settlement,
        renewals: Renewals,
        losses: Losses,
    ) -> None:
        """`links` is set once there are transports. `drained` says whether nothing waits in a mailbox of ours."""
        self.drained: Callable[[], bool] = lambda: True
        self._bus, self._clock = bus, clock
        self._accounts, self._contacts, self._sessions = accounts, contacts, sessions
        self._contents, self._introductions = contents, introductions
        self._outbox, self._prekeys, self._settlement = outbox, prekeys, settlement
        self._renewals, self._losses = renewals, losses
        self.links: Links

    # -- answering

    async def serve(self, stream: Stream) -> None:
        """Answer requests for prekeys on one stream. Raises `MalformedContent`, `MalformedFrame`, `FrameTooLarge`."""
        splitter, answered = Splitter(MAX_REQUEST), 0
        with anyio.move_on_after(PATIENCE):
            while answered < REQUESTS and (data := await stream.read()):
                for raw in splitter.feed(data)[: REQUESTS - answered]:
                    reply = await self._prekeys.answer(parse(PrekeyRequest, raw))
                    stream.write(pack(reply.SerializeToString()))
                    answered += 1
        await stream.close()

    # -- asking

    async def introduce(self, contact: Contact) -> None:
        """Begin a session with each device of a contact that has none. Raises `Unreachable`, `OtherNode`,
        `BadBundle`."""
        await self._losses.give_up_gaps(contact)
        if self.lacks_session(contact):
            await self.look_again(contact)

    def lacks_session(self, contact: Contact) -> bool:
        """Whether some device of a contact has no session, or none of them is known."""
        devices = self._contacts.devices(contact)
        return devices is None or len(self._contents.spoken(contact)) < len(devices.names)

    def is_late(self, contact: Contact) -> bool:
        """Whether the invite by which a contact was to be made has expired."""
        return contact.state == "pending" and parse_invite(contact.invite).expires_at <= self._clock.now()

    async def given_up(self, contact: Contact) -> bool:
        """Whether no contact comes of an invite any more; then that is over. Raises `StoreFull`.

        An answer to what was said in a session may still lie in a mailbox of ours, or the hello in one of theirs.
        """
        late = self._clock.now() - LINGERS if self._contents.spoken(contact) else self._clock.now()
        over = contact.state == "pending" and parse_invite(contact.invite).expires_at <= late and self.drained()
        if over:
            await self.refuse(contact, Reason.INVITE_EXPIRED)
        return over

    async def take_up(self, contact: Contact, reply: PrekeyReply) -> None:
        """Begin sessions from prekeys that lay in a mailbox, and learn seal keys. Raises `Unreachable`, and where they
        are forged or old `BadBundle`, `MalformedContent`, `InvalidSignature`."""
        await self._begin(contact, reply)

    async def find_again(self, contact: Contact, reply: PrekeyReply) -> None:
        """Take up what lay under a contact's directory number: if it tells another device list, the contact was
        restored. Raises as `take_up`."""
        fetched, before = self._checked(contact, reply)[0], self._contacts.devices(contact)
        if before is None or fetched.stamp != before.stamp:
            await self._begin(contact, reply, dict(contact.nodes))

    async def begin_anew(self, contact: Contact, silence: int) -> bool:
        """Whether there are sessions with a contact in which nothing was heard for `silence` seconds since they were
        begun; then what was sent in them waits for others. Raises `StoreFull`."""
        before_ms = int(self._clock.now() - silence) * 1000
        devices = [
            device
            for device in self._contents.spoken(contact)
            if (head := self._sessions.current(contact, device)) and not head.row.heard and head.row.used_ms < before_ms
        ]
        for device in devices:
            await self._renewals.begin_anew(contact, device)
        return bool(devices)

    async def look_again(self, contact: Contact) -> None:
        """Ask a contact's node who its devices are now, and begin sessions with those that have none. Raises as
        `introduce`."""
        if await self.given_up(contact):
            return
        reply = await self._ask(contact, contact.their_number)
        if reply.refusal and contact.state == "pending":
            await self.refuse(contact, reply.refusal)
        elif reply.refusal:
            await self.reunite(contact, contact.nodes)
        else:
            await self._begin_or_fail(contact, reply)

    async def _begin_or_fail(self, contact: Contact, reply: PrekeyReply) -> None:
        try:
            await self._begin(contact, reply)
        except BadBundle as error:
            if contact.state != "pending":
                raise
            # Another crypto engine, or a wrong clock: until somebody sees to it, the next try would end alike.
            await self._fail(contact, error.sentence)

    async def follow(self, contact: Contact, moved: OtherNode) -> None:
        """Another node answers at a contact's addresses: see whether the contact lives there, restored. Raises
        `Unreachable`, `BadBundle`."""
        if not contact.directory:
            raise moved
        addresses = [address for told in contact.nodes.values() for address in told]
        await self.reunite(contact, {str(moved.data["node"]): addresses})

    async def reunite(self, contact: Contact, nodes: Mapping[str, list[str]]) -> None:
        """Look at these nodes for a contact who does not know us any more, but was told to us under a directory number.
        Raises `Unreachable`, `BadBundle`."""
        if not contact.directory:
            raise Unreachable("The other side does not know this contact any more.")
        reply = await self._ask(replace(contact, nodes=dict(nodes)), contact.directory[:32])
        if reply.refusal:
            raise Unreachable("The other side does not know this contact any more.")
        await self._begin(contact, reply, dict(nodes))

    async def _ask(self, contact: Contact, number: bytes) -> PrekeyReply:
        request = PrekeyRequest(number=number, last_resort=self._renewals.needs_last_resort(contact))
        failure = Unreachable()
        for node, addresses in contact.nodes.items():
            try:
                with anyio.move_on_after(PATIENCE):
                    stream = await self.links.stream(NodeId(node), addresses, PREKEY_PROTOCOL)
                    try:
                        stream.write(pack(request.SerializeToString()))
                        splitter = Splitter(MAX_REPLY)
                        while data := await stream.read():
                            for raw in splitter.feed(data):
                                return parse(PrekeyReply, raw)
                    finally:
                        stream.abort()
            except Unreachable as error:
                failure = error
            except StreamClosed:
                continue
        raise failure

    def _checked(self, contact: Contact, reply: PrekeyReply) -> tuple[Devices, Mapping[bytes, DeviceBundle]]:
        """The list and the bundles in a reply, by device. Raises `BadBundle`, `MalformedContent`,
        `InvalidSignature`."""
        now = int(self._clock.now())
        fetched = verify_devices(reply.devices.SerializeToString(), account_key(contact.id), now)
        fetched.check_follows(self._contacts.devices(contact))
        bundles = {row.device: row for row in reply.bundles if row.device in fetched.names}
        if not bundles:
            raise Unreachable("The other node has no device of this contact.")
        for row in bundles.values():
            verify_seal_key(row.seal_key, row.device, now)
        return fetched, bundles

    async def _begin(self, asked: Contact, reply: PrekeyReply, restored: dict[str, list[str]] | None = None) -> None:
        """Take up a reply. `restored`: the nodes where a contact was found who had lost us."""
        me, change = self._accounts.me(asked.account), Change()
        async with self._sessions.lock(asked.account, asked.id):
            contact = self._contacts.find(asked.account, asked.id)
            # While the other node was asked, the contact may have been removed, blocked, or come to us by itself.
            if contact is None or contact.blocked or (contact.state, contact.invite) != (asked.state, asked.invite):
                return
            fetched, bundles = self._checked(contact, reply)
            before = self._contacts.devices(contact)
            keys = {device: row.seal_key for device, row in bundles.items()}
            contact = replace(contact, device_list=fetched.signed, places=with_seal_keys(contact.places, keys))
            if restored is not None:
                contact = replace(contact, places=under_directory(contact.places))
                contact = self._found(contact, restored, before is not None and before.stamp == fetched.stamp)
            try:
                self._contacts.put_quietly(change, contact)
                # The hello goes first: who was restored does not listen to strangers before it.
                self._greet(change, me, contact, bundles, restored is not None)
                await self._renewals.superseded(change, contact, before, fetched)
            except Exception:
                await self._contents.undo(change, contact.account)
                raise
            kept = self._bus.keep(change)
        try:
            await kept
        except Exception:
            await self._contents.undo(change, contact.account)
            raise

    def _found(self, contact: Contact, nodes: dict[str, list[str]], listed: bool) -> Contact:
        """A contact who had lost us, at other nodes. `listed`: its device list was known before. Raises `BadBundle`.

        Until it answers with a number of its own, whoever passed its reply on may stand there: so its own node may
        offer the same list again, and is greeted anew.
        """
        directory = contact.directory[:32]
        if listed and contact.their_number != directory:
            raise BadBundle("Another node offers the device list of before: it is not the contact, restored.")
        for device in self._contents.spoken(contact) if listed else ():
            self._sessions.renounce(contact, device)
        return replace(contact, nodes=nodes, their_number=directory)

    def _greet(
        self, change: Change, me: Me, contact: Contact, bundles: Mapping[bytes, DeviceBundle], restored: bool
    ) -> None:
        """Begin a session from each bundle, with a hello as its first packet. Raises `BadBundle`."""
        for device, row in bundles.items():
            if self._sessions.current(contact, device) is not None:
                continue
            _, transcript = self._sessions.begin(me, contact, device, row.bundle)
            introduction = self._introductions.ours(me, contact, transcript, restored)
            self._outbox.greet(change, me, contact, device, introduction, self._losses.named(change, contact, device))

    # -- being turned down

    async def refuse(self, contact: Contact, reason: int) -> None:
        """Our invite was refused: the contact, and all that waits for it, fail with a sentence. Raises `StoreFull`."""
        await self._fail(contact, SENTENCES.get(reason, InviteUnknown().sentence))

    async def _fail(self, contact: Contact, sentence: str) -> None:
        change = Change()
        async with self._sessions.lock(contact.account, contact.id):
            async for row in self._renewals.owed(contact):
                await self._settlement.fail(change, row, "failed", sentence)
            current = self._contacts.get(contact.account, contact.id)
            # The other side never kept these; with another invite all begins anew.
            change.add(*self._sessions.drop_all(contact.account, contact.id))
            self._contacts.put(change, replace(current, state="refused", reason=sentence))
            kept = self._bus.keep(change)
        try:
            await kept
        except Exception:
            await self._contents.undo(change, contact.account)
            raise
