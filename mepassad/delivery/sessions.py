"""Ratchet sessions with contacts' devices: the newest state in memory, every step an entry in a commit."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from mepassad.api.context import Clock
from mepassad.api.crypto import Crypto
from mepassad.api.store import Store
from mepassad.api.types import AccountId, Contact, PrivateKey, Session
from mepassad.api.writes import AddSkipped, DropKeys, DropSession, DropSkipped, PutKeys, PutSession, Write
from mepassad.errors import DecryptFailed, NoSession
from mepassad.people.accounts import Me
from mepassad.wire.messages_pb2 import Packet
from mepassad.wire.packets import pack_packet

Spoken = tuple[AccountId, AccountId, bytes]  # account, contact, device
KEPT = 5  # sessions with one device; older ones are forgotten (Sesame)


class Head:
    """A session as it will be once all commits handed over so far are kept."""

    __slots__ = ("row", "skipped")

    def __init__(self, row: Session, skipped: dict[bytes, bytes] | None) -> None:
        """`skipped` None = still to be read from the store."""
        self.row = row
        self.skipped = skipped


class Opened(msgspec.Struct, frozen=True):
    """A packet, decrypted: the session it belongs to, its plaintext, and what must be kept with its effect.

    `transcript` is set when the packet began the session; the session is then only known once it is adopted.
    """

    head: Head
    plaintext: bytes
    writes: tuple[Write, ...]
    transcript: bytes = b""
    used: tuple[int, ...] = ()  # private keys that the handshake used up
    changed: tuple[PrivateKey, ...] = ()  # and those that it changed


class Sessions:
    """Encrypts and decrypts packets, and keeps track of which session is spoken now.

    The caller hands the writes it gets to the store in the same step (or under `lock`), so that commits follow each
    other as the states do. After a failed commit it calls `undo`, which takes memory back to what was kept.
    """

    def __init__(self, store: Store, crypto: Crypto, clock: Clock) -> None:
        """Begin empty; `load` fills it."""
        self._store, self._crypto, self._clock = store, crypto, clock
        self._by_id: dict[tuple[AccountId, bytes], Head] = {}
        self._by_device: dict[Spoken, list[Head]] = {}
        self._renounced: set[Spoken] = set()
        self._locks: defaultdict[tuple[AccountId, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    def lock(self, account: AccountId, contact: str) -> asyncio.Lock:
        """Held from the first step of a session with a contact until its commit was handed over."""
        return self._locks[account, contact]

    async def load(self, accounts: Sequence[AccountId]) -> None:
        """Read the sessions of these accounts."""
        for account in accounts:
            for row in await self._store.sessions(account):
                self._adopt(Head(row, None))

    async def undo(self, account: AccountId, writes: Sequence[Write]) -> None:
        """After a commit with these writes failed: take the sessions in it back to what is kept.

        Others are left alone: their commits may still be on the way.
        """
        touched = {write.row.id for write in writes if isinstance(write, PutSession)}
        touched |= {write.id for write in writes if isinstance(write, DropSession)}
        if not touched:
            return
        rows = [row for row in await self._store.sessions(account) if row.id in touched]
        for session in touched:
            head = self._by_id.get((account, session))
            if head is not None:
                self._forget(head)
        for row in rows:
            self._adopt(Head(row, None))

    async def ready(self, account: AccountId, session: bytes) -> None:
        """Read what a session needs before `open` may be called for one of its packets."""
        while (head := self._by_id.get((account, session))) is not None and head.skipped is None:
            skipped = await self._store.skipped(account, session)
            if head.skipped is None:
                head.skipped = skipped

    def is_ready(self, account: AccountId, session: bytes) -> bool:
        """Whether `open` may be called without `ready`."""
        head = self._by_id.get((account, session))
        return head is None or head.skipped is not None

    def known(self, account: AccountId, session: bytes) -> Session | None:
        """The session with this id."""
        head = self._by_id.get((account, session))
        return head.row if head else None

    def current(self, contact: Contact, device: bytes) -> Head | None:
        """The session to speak to a contact's device with: the one that was begun, or heard on, last.

        Only the contact's own: a device may agree to be listed by several accounts.
        """
        spoken = (contact.account, contact.id, device)
        heads = self._by_device.get(spoken)
        return heads[0] if heads and spoken not in self._renounced else None

    def renounce(self, contact: Contact, device: bytes) -> None:
        """Speak to a device only in a session that is begun, or heard on, from now on: it may have lost all others."""
        self._renounced.add((contact.account, contact.id, device))

    # -- beginning

    def begin(self, me: Me, contact: Contact, device: bytes, bundle: bytes) -> tuple[Head, bytes]:
        """A session from a bundle, and its transcript; kept with its first packet. Raises `BadBundle`."""
        now = self._clock.now()
        begun = self._crypto.initiate(me.device, device, bundle, int(now))
        spoken = (me.row.id, contact.id, device)
        row = Session(
            account=me.row.id,
            id=begun.session,
            contact=contact.id,
            device=device,
            state=begun.state,
            version=0,
            used_ms=self._after_all(spoken),
        )
        head = Head(row, {})
        self._adopt(head)
        self._renounced.discard(_spoken(head))
        return head, begun.transcript

    def adopt(self, opened: Opened, contact: AccountId) -> Write:
        """Take up a session that a peer's first message began, now that it is known whose it is; the write for it."""
        row = opened.head.row
        used_ms = self._after_all((row.account, contact, row.device))
        opened.head.row = replace(row, contact=contact, version=1, used_ms=used_ms, heard=True)
        self._adopt(opened.head)
        self._renounced.discard(_spoken(opened.head))
        return PutSession(opened.head.row)

    def _adopt(self, head: Head) -> None:
        self._by_id[head.row.account, head.row.id] = head
        heads = self._by_device.setdefault(_spoken(head), [])
        heads.append(head)
        heads.sort(key=lambda other: -other.row.used_ms)

    def _after_all(self, spoken: Spoken) -> int:
        """Now in Unix milliseconds, or later: after all sessions with a device were used, also where the clock was set
        back."""
        heads = self._by_device.get(spoken, ())
        return max(int(self._clock.now() * 1000), *(head.row.used_ms + 1 for head in heads), 0)

    def surplus(self, contact: Contact, device: bytes) -> tuple[Write, ...]:
        """Forget all but the newest sessions with a contact's device; the writes that do so in the store."""
        account = contact.account
        heads = self._by_device.get((account, contact.id, device), [])
        gone = heads[KEPT:]
        for head in gone:
            self._forget(head)
        return tuple(DropSession(account, head.row.id) for head in gone)

    # -- speaking and hearing

    def encrypt(self, me: Me, head: Head, plaintext: bytes) -> tuple[bytes, Write]:
        """The packet of a plaintext, and the write that must be kept before it leaves."""
        step = self._crypto.encrypt(head.row.state, plaintext)
        head.row = replace(head.row, state=step.state, version=head.row.version + 1)
        packet = pack_packet(me.device.public, head.row.device, head.row.id, step.message)
        return packet, PutSession(head.row)

    def open(self, me: Me, packet: Packet, key: Callable[[int], PrivateKey | None]) -> Opened:
        """Decrypt a packet to a device of ours. A failure changes nothing.

        Raises `DecryptFailed`, `GapTooLarge`, `NoSession` (neither known nor a first message), `KeyMissing`.
        """
        head = self._by_id.get((me.row.id, packet.session))
        return self._begun(me, packet, key) if head is None else self._heard(head, packet)

    def _heard(self, head: Head, packet: Packet) -> Opened:
        if head.row.device != packet.sender:
            raise NoSession
        if head.skipped is None:
            raise LookupError("a session that is not ready")
        skipped = head.skipped
        step = self._crypto.decrypt(head.row.state, skipped, packet.message)
        account, session = head.row.account, head.row.id
        newest = self._by_device[_spoken(head)][0]
        used_ms = max(int(self._clock.now() * 1000), newest.row.used_ms + (newest is not head))
        head.row = replace(head.row, state=step.state, version=head.row.version + 1, used_ms=used_ms, heard=True)
        writes: list[Write] = [PutSession(head.row)]
        if step.used:
            for reference in step.used:
                skipped.pop(reference, None)
            writes.append(DropSkipped(account, session, step.used))
        if step.skipped:
            skipped.update(step.skipped)
            writes.append(AddSkipped(account, session, step.skipped))
        self._renounced.discard(_spoken(head))
        heads = self._by_device[_spoken(head)]
        if heads[0] is not head:
            heads.remove(head)
            heads.insert(0, head)
        return Opened(head, step.plaintext, tuple(writes))

    def _begun(self, me: Me, packet: Packet, key: Callable[[int], PrivateKey | None]) -> Opened:
        now = self._clock.now()
        begun = self._crypto.accept(me.device, packet.sender, packet.message, key, int(now))
        if begun.session != packet.session:
            raise DecryptFailed
        account = me.row.id
        row = Session(
            account=account,
            id=begun.session,
            contact=AccountId(""),
            device=packet.sender,
            state=begun.state,
            version=0,
            used_ms=int(now * 1000),
        )
        writes: list[Write] = []
        if begun.used:
            writes.append(DropKeys(account, begun.used))
        if begun.changed:
            writes.append(PutKeys(begun.changed))
        if begun.skipped:
            writes.append(AddSkipped(account, begun.session, begun.skipped))
        return Opened(
            Head(row, dict(begun.skipped)), begun.plaintext, tuple(writes), begun.transcript, begun.used, begun.changed
        )

    # -- forgetting

    def drop(self, account: AccountId, session: bytes) -> Write | None:
        """Forget a session that the other side no longer has; the write that does so in the store."""
        head = self._by_id.get((account, session))
        if head is None:
            return None
        self._forget(head)
        return DropSession(account, session)

    def drop_all(self, account: AccountId, contact: AccountId) -> Sequence[Write]:
        """Forget all sessions with a contact; the writes that do so in the store."""
        heads = [head for head in self._by_id.values() if (head.row.account, head.row.contact) == (account, contact)]
        for head in heads:
            self._forget(head)
        return [DropSession(account, head.row.id) for head in heads]

    def drop_device(self, contact: Contact, device: bytes) -> Sequence[Write]:
        """Forget all sessions with a contact's device; the writes that do so in the store."""
        heads = list(self._by_device.get((contact.account, contact.id, device), ()))
        for head in heads:
            self._forget(head)
        return [DropSession(contact.account, head.row.id) for head in heads]

    def forget_contact(self, account: AccountId, contact: AccountId) -> None:
        """Forget a removed contact's sessions in memory; the store forgets them with the contact."""
        self.drop_all(account, contact)
        self._locks.pop((account, contact), None)

    def _forget(self, head: Head) -> None:
        del self._by_id[head.row.account, head.row.id]
        heads = self._by_device[_spoken(head)]
        heads.remove(head)
        if not heads:
            del self._by_device[_spoken(head)]


def _spoken(head: Head) -> Spoken:
    return head.row.account, head.row.contact, head.row.device
