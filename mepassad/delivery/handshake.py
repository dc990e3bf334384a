"""Beginning sessions: prekeys are asked for at the contact's node, and the first packet says hello."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import anyio
from msgspec.structs import replace

from mepassad.api.context import Clock
from mepassad.api.store import Store
from mepassad.api.transport import Stream
from mepassad.api.types import Contact, NodeId
from mepassad.api.writes import AddOutgoing
from mepassad.bus import Bus, Change
from mepassad.delivery.contents import Contents
from mepassad.delivery.introductions import Introductions
from mepassad.delivery.links import Links
from mepassad.delivery.outbox import Outbox
from mepassad.delivery.prekeys import Prekeys
from mepassad.delivery.sessions import Sessions
from mepassad.delivery.settlement import Settlement
from mepassad.errors import CryptoError, InviteExpired, InviteUnknown, InviteUsed, StreamClosed, Unreachable
from mepassad.people.accounts import Accounts, Me
from mepassad.people.contacts import Contacts
from mepassad.wire.content import HELLO, seal_content
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.identity import Devices, parse, verify_devices
from mepassad.wire.ids import account_key
from mepassad.wire.invites import parse_invite
from mepassad.wire.messages_pb2 import PrekeyReply, PrekeyRequest
from mepassad.wire.packets import PREKEY_PROTOCOL, Reason

MAX_REQUEST = 256
MAX_REPLY = 256 * 1024
REQUESTS = 16  # answered on one stream
PATIENCE = 20.0  # seconds for one exchange
_PAGE = 256

SENTENCES: dict[int, str] = {
    Reason.INVITE_UNKNOWN: InviteUnknown().sentence,
    Reason.INVITE_EXPIRED: InviteExpired().sentence,
    Reason.INVITE_USED: InviteUsed().sentence,
}


class Handshakes:
    """Both sides of `/mepassa/prekeys/1`, and the hello that follows."""

    def __init__(
        self,
        store: Store,
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
    ) -> None:
        """`links` is set once there are transports."""
        self._store, self._bus, self._clock = store, bus, clock
        self._accounts, self._contacts, self._sessions = accounts, contacts, sessions
        self._contents, self._introductions = contents, introductions
        self._outbox, self._prekeys, self._settlement = outbox, prekeys, settlement
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
        """Begin a session with each device of a contact that has none. Raises `Unreachable`, `BadBundle`."""
        devices = self._contacts.devices(contact)
        if devices is not None and len(self._contents.spoken(contact)) == len(devices.names):
            return
        now = int(self._clock.now())
        if contact.state == "pending" and parse_invite(contact.invite).expires_at <= now:
            await self.refuse(contact, Reason.INVITE_EXPIRED)
            return
        reply = await self._ask(contact)
        if reply.refusal and contact.state == "pending":
            await self.refuse(contact, reply.refusal)
        elif reply.refusal:
            raise Unreachable("The other side does not know this contact any more.")
        else:
            fetched, bundles = self._checked(contact, devices, reply, now)
            await self._begin(contact, fetched.signed, bundles)

    def _checked(
        self, contact: Contact, seen: Devices | None, reply: PrekeyReply, now: int
    ) -> tuple[Devices, Mapping[bytes, bytes]]:
        fetched = verify_devices(reply.devices.SerializeToString(), account_key(contact.id), now)
        fetched.check_follows(seen)
        bundles = {row.device: row.bundle for row in reply.bundles if row.device in fetched.names}
        if not bundles:
            raise Unreachable("The other node has no device of this contact.")
        return fetched, bundles

    async def _ask(self, contact: Contact) -> PrekeyReply:
        for node, addresses in contact.nodes.items():
            with contextlib.suppress(Unreachable, StreamClosed), anyio.move_on_after(PATIENCE):
                stream = await self.links.stream(NodeId(node), addresses, PREKEY_PROTOCOL)
                try:
                    stream.write(pack(PrekeyRequest(number=contact.their_number).SerializeToString()))
                    splitter = Splitter(MAX_REPLY)
                    while data := await stream.read():
                        for raw in splitter.feed(data):
                            return parse(PrekeyReply, raw)
                finally:
                    stream.abort()
        raise Unreachable

    async def _begin(self, asked: Contact, devices: bytes, bundles: Mapping[bytes, bytes]) -> None:
        me, change = self._accounts.me(asked.account), Change()
        async with self._sessions.lock(asked.account, asked.id):
            contact = self._contacts.find(asked.account, asked.id)
            # While the other node was asked, the contact may have been removed, blocked, or come to us by itself.
            if contact is None or contact.blocked or (contact.state, contact.invite) != (asked.state, asked.invite):
                return
            try:
                self._greet(change, me, replace(contact, device_list=devices), bundles)
            except CryptoError:
                await self._contents.undo(change, contact.account)
                raise
            kept = self._bus.keep(change)
        try:
            await kept
        except Exception:
            await self._contents.undo(change, contact.account)
            raise

    def _greet(self, change: Change, me: Me, contact: Contact, bundles: Mapping[bytes, bytes]) -> None:
        """Begin a session from each bundle, with a hello as its first packet. Raises `BadBundle`."""
        for device, bundle in bundles.items():
            if self._sessions.current(contact, device) is not None:
                continue
            _, transcript = self._sessions.begin(me, contact, device, bundle)
            hello = self._outbox.empty(contact, HELLO)
            hello.introduction.CopyFrom(self._introductions.ours(me, contact, transcript))
            plaintext = seal_content(hello, me.device, account_key(contact.id))
            change.add(AddOutgoing(self._contents.encrypt(change, me, contact, device, plaintext)))
        self._contacts.put_quietly(change, contact)

    # -- being turned down

    async def refuse(self, contact: Contact, reason: int) -> None:
        """Our invite was refused: the contact, and all that waits for it, fail with a sentence. Raises `StoreFull`."""
        sentence = SENTENCES.get(reason, InviteUnknown().sentence)
        change, after = Change(), 0
        async with self._sessions.lock(contact.account, contact.id):
            await self._bus.keep(Change())  # what was said a moment ago is durable after this, and so found below
            while rows := await self._store.outgoing(contact.account, contact.id, after, _PAGE):
                after = rows[-1].seq
                for row in rows:
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
