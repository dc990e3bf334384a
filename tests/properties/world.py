"""A few devices, all that is underway between them, and what must be true of it: the model of the state machines.

It keeps sessions as the core does (five with a device, the one heard on last is spoken) and nothing else of the core.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec

from mepassad.api.crypto import DeviceKey, Encrypted, Initiated, Replenished
from mepassad.api.types import AccountId, PrivateKey
from mepassad.builtin.crypto_signal import handshake, keys, prekeys, ratchet, signal_pb2
from mepassad.builtin.crypto_signal.plugin import Signal
from mepassad.delivery.sessions import KEPT
from mepassad.errors import BadBundle, CryptoError
from mepassad.testing.crypto_party import Party, Side

Kept = tuple[list[PrivateKey], list[tuple[bytes, bytes, list[tuple[bytes, bytes]]]], list[tuple[bytes, int]]]
BLOCK = 16
KINDS = {
    "signed_prekey": (prekeys.SIGNED,),
    "pq_prekey": (prekeys.ONE_TIME_PQ, prekeys.LAST_RESORT),
    "one_time_prekey": (prekeys.ONE_TIME,),
}


@dataclass(frozen=True)
class Packet:
    """A message underway; a copy of it has the same number."""

    number: int
    sender: int
    recipient: int
    session: bytes
    message: bytes
    text: bytes

    def front(self) -> signal_pb2.Handshake | None:
        handshake = ratchet.split(self.message)[0]
        return signal_pb2.Handshake.FromString(handshake) if handshake else None

    def message_key(self) -> tuple[bytes, bytes]:
        """What stands for the key that it is encrypted under: session, and ratchet key and counter of its header."""
        start = ratchet.split(self.message)[1]
        return self.session, self.message[start + 1 : start + 33] + self.message[start + 37 : start + 41]

    def cut(self, size: int) -> Packet:
        return replace(self, message=self.message[:size])

    def altered(self, bit: int) -> Packet:
        changed = bytearray(self.message)
        changed[bit // 8 % len(changed)] ^= 1 << bit % 8
        return replace(self, message=bytes(changed))

    def body(self) -> bytes:
        return self.message[-len(self.text) - keys.TAG_SIZE :]


@dataclass
class Device:
    """One device: its party, which peer each of its sessions is with, newest first, and what it opened in this life."""

    party: Party
    peers: dict[bytes, int] = field(default_factory=dict)
    opened: set[int] = field(default_factory=set)
    copied: Kept | None = None

    def current(self, peer: int) -> bytes | None:
        return next((session for session, other in self.peers.items() if other == peer), None)

    def heard(self, session: bytes, peer: int) -> None:
        """A session was begun or heard on: it comes first, and what is too many goes."""
        self.peers = {session: peer, **{other: who for other, who in self.peers.items() if other != session}}
        for surplus in [other for other, who in self.peers.items() if who == peer][KEPT:]:
            self.forget(surplus)

    def forget(self, session: bytes) -> None:
        self.party.sides.pop(session, None)
        self.peers.pop(session, None)

    def all(self) -> Kept:
        """Everything that it keeps: prekeys, sessions with their skipped keys, and whom they are with."""
        sides = [(session, side.state, list(side.skipped.items())) for session, side in self.party.sides.items()]
        return list(self.party.keys.values()), sides, list(self.peers.items())

    def take(self, kept: Kept) -> None:
        """Be what `all` was."""
        keys, sides, peers = kept
        self.party.keys = {key.id: key for key in keys}
        self.party.sides = {session: Side(state, dict(skipped)) for session, state, skipped in sides}
        self.peers = dict(peers)


class Repeatable(Signal):
    """The engine with the same random bytes in each run, but for ML-KEM's, which nothing depends on."""

    def __init__(self) -> None:
        self._random = random.Random(0).randbytes

    def replenish(self, account: AccountId, device: DeviceKey, held: Sequence[PrivateKey], now: int) -> Replenished:
        return prekeys.replenish(account, held, now, self._random)

    def initiate(self, device: DeviceKey, peer: bytes, bundle: bytes, now: int) -> Initiated:
        return handshake.initiate(device, peer, bundle, now, self._random(keys.KEY_SIZE), keys.kem_encapsulate)

    def encrypt(self, state: bytes, plaintext: bytes) -> Encrypted:
        return ratchet.encrypt(state, plaintext, self._random)


class World:
    """Devices, what is underway between them, and bundles that somebody has fetched and kept."""

    def __init__(self, count: int) -> None:
        self.engine = Repeatable()
        self.devices = [Device(Party(self.engine)) for _ in range(count)]
        for seed, device in enumerate(self.devices):
            device.party.device = DeviceKey(seed.to_bytes(32, "big"))
        self.underway: list[Packet] = []
        self.bundles: list[tuple[int, bytes]] = []
        self.sent: dict[tuple[bytes, bytes], list[Packet]] = {}
        self.doubtful: set[bytes] = set()  # sessions of a device that was rolled back
        self.count = 0

    # -- speaking

    def say(self, sender: int, recipient: int) -> None:
        """Send a text in the session that is spoken, or in a new one."""
        session = self.devices[sender].current(recipient) or self.begin(sender, recipient, self.bundle(recipient))
        text = b"%016d" % self.count * (1 + self.count % 3)
        message = self.devices[sender].party.send(session, text)
        packet = Packet(self.count, sender, recipient, session, message, text)
        self.count += 1
        self.underway.append(packet)
        self.check_keys(packet)

    def check_keys(self, packet: Packet) -> None:
        """No key encrypts two texts; if a state was rolled back, the two texts do not show through all the same."""
        others = self.sent.setdefault(packet.message_key(), [])
        for other in others:
            assert packet.session in self.doubtful, "a key was used twice"
            texts, bodies = mixed(packet.text, other.text), mixed(packet.body(), other.body())
            blocks = range(0, len(texts), BLOCK)
            assert not any(texts[at : at + BLOCK] == bodies[at : at + BLOCK] for at in blocks), (
                "a key stream was shared"
            )
        others.append(packet)

    def bundle(self, owner: int, one_time: bool = True) -> bytes:
        party = self.devices[owner].party
        if one_time:
            return party.bundle()
        return self.engine.bundle(party.device, list(party.keys.values()), party.now, one_time=False).public

    def begin(self, sender: int, owner: int, bundle: bytes) -> bytes:
        session = self.devices[sender].party.begin(self.devices[owner].party, bundle)
        self.devices[sender].heard(session, owner)
        return session

    def begin_with_old(self, sender: int, owner: int, bundle: bytes) -> None:
        """Begin from a bundle fetched some time ago, which is good for 30 days."""
        party, public = self.devices[sender].party, signal_pb2.Bundle.FromString(bundle)
        before = self.devices[sender].all()
        if all(prekeys.acceptable(key.created_at, party.now) for key in (public.signed_prekey, public.pq_prekey)):
            self.begin(sender, owner, bundle)
            self.say(sender, owner)
            return
        try:
            self.begin(sender, owner, bundle)
        except BadBundle:
            assert self.devices[sender].all() == before
        else:
            raise AssertionError("a stale bundle was accepted")

    # -- hearing

    def deliver(self, packet: Packet) -> None:
        """Hand over a packet as it was sent; what does not open makes its sender give the session up."""
        device, expected = self.devices[packet.recipient], self.opens(packet)
        before = device.all()
        try:
            text = device.party.receive(self.devices[packet.sender].party, packet.session, packet.message)
        except CryptoError:
            assert device.all() == before, "a failure changed something"
            assert expected is not True, "a message did not open"
            self.devices[packet.sender].forget(packet.session)
            return
        assert expected is not False, "a message opened that could not"
        assert packet.session in device.party.sides
        assert text == packet.text
        assert packet.number not in device.opened, "a message opened twice"
        device.opened.add(packet.number)
        device.heard(packet.session, packet.sender)

    def opens(self, packet: Packet) -> bool | None:
        """Whether a packet must open, or must not; None after a roll-back, when only its text can be said."""
        device = self.devices[packet.recipient]
        if packet.session in self.doubtful:
            return None
        if packet.session in device.party.sides:
            return packet.number not in device.opened
        front = packet.front()
        if front is None:
            return False
        rows = []
        for name, kinds in KINDS.items():
            if front.HasField("one_time_prekey") or name != "one_time_prekey":
                rows.append(device.party.keys.get(getattr(front, name)))
                if rows[-1] is None or rows[-1].kind not in kinds:
                    return False
        return packet.session not in remembered(rows[1])

    def refuse(self, packet: Packet) -> None:
        """Hand over a packet that is not as it was sent."""
        device = self.devices[packet.recipient]
        before = device.all()
        try:
            device.party.receive(self.devices[packet.sender].party, packet.session, packet.message)
        except CryptoError:
            assert device.all() == before, "a failure changed something"
        else:
            raise AssertionError("an altered packet opened")

    def elsewhere(self, packet: Packet, choice: int) -> Packet | None:
        """The packet under another session that its recipient knows."""
        others = [session for session in self.devices[packet.recipient].party.sides if session != packet.session]
        return replace(packet, session=others[choice % len(others)]) if others else None

    # -- time, and what it does to devices

    def run_dry(self, owner: int) -> None:
        """Give all one-time keys away."""
        keys = self.devices[owner].party.keys
        for key in [key for key in keys.values() if key.kind in prekeys.POOLS and not key.given_at]:
            keys[key.id] = msgspec.structs.replace(key, given_at=self.devices[owner].party.now)

    def pass_time(self, seconds: int) -> None:
        for device in self.devices:
            device.party.now += seconds
            device.party.replenish()

    def reload(self, owner: int) -> None:
        """What it keeps goes to the disk and comes back."""
        device = self.devices[owner]
        device.take(msgspec.msgpack.decode(msgspec.msgpack.encode(device.all()), type=Kept))

    def copy(self, owner: int) -> None:
        """A copy of a device is made, and it goes on talking."""
        self.devices[owner].copied = self.devices[owner].all()
        self.go_on(owner)

    def go_on(self, owner: int) -> None:
        for peer in {*self.devices[owner].peers.values()}:
            self.say(owner, peer)

    def roll_back(self, owner: int) -> None:
        """A copy of a device comes back; it goes on in its old sessions, as it must not, and begins new ones."""
        device = self.devices[owner]
        if device.copied is None:
            return
        self.doubtful |= device.party.sides.keys()
        device.take(device.copied)
        self.doubtful |= device.party.sides.keys()
        device.opened = set()
        device.party.replenish()
        self.go_on(owner)
        for peer in range(len(self.devices)):
            if peer != owner:
                self.begin(owner, peer, self.bundle(peer))
                self.say(owner, peer)


def remembered(pq: PrivateKey | None) -> set[bytes]:
    """The sessions that a last-resort prekey's row remembers."""
    memory = pq.secret[keys.KEM_SEED_SIZE :] if pq else b""
    return {memory[at : at + handshake.SESSION_ID_SIZE] for at in range(0, len(memory), handshake.SESSION_ID_SIZE)}


def mixed(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=False))
