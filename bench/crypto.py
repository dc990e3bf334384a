"""What encryption costs: CPU µs of a call, each beside its budget and beside the bare primitives that it is made of.

Best of repeats, as JSON lines. `ratio_to_floor` is the call to those primitives, each time measured right after it. The
budgets were set where one X25519 exchange takes 24.5 µs; `budget` is what that is on this machine now. Run:
python bench/crypto.py
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
import timeit
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mepassad.api.crypto import Accepted, DeviceKey, Encrypted
from mepassad.api.types import Account, AccountId, Contact, ConversationId, PrivateKey
from mepassad.builtin.crypto_signal.plugin import Signal
from mepassad.delivery.sessions import Sessions
from mepassad.people.accounts import Me
from mepassad.testing.clock import ManualClock
from mepassad.testing.crypto_party import Party, connect
from mepassad.wire.content import TEXT, open_content, seal_content
from mepassad.wire.messages_pb2 import Content, Text
from mepassad.wire.packets import parse_packet
from mepassad.wire.seal import SIZES, seal, unseal

REPEATS = 7
KIB = bytes(1024)
LONG_TEXT = "x" * 850  # with all that goes with it, a content of the class of 1 KiB
PACKETS = 300
X25519 = 24.5  # µs of an exchange where the budgets were set

STEP = {"HMAC": 2, "HKDF, 44 bytes": 1}  # of a chain, to a cipher
ENCRYPT, DECRYPT = {**STEP, "AES-256-GCM-SIV encrypt": 1}, {**STEP, "AES-256-GCM-SIV decrypt": 1}
TURN = {"X25519 from bytes": 1, "HKDF, 64 bytes": 1}


Measure = Callable[[], float]


def timed(call: Callable[[], object], number: int) -> float:
    """The CPU µs of a call, as a mean over `number` calls."""
    return timeit.timeit(call, number=number, timer=time.process_time) / number * 1e6


def each(call: Callable[[], object], number: int) -> Measure:
    """The same, to be measured again and again."""
    return lambda: timed(call, number)


def add(*parts: Mapping[str, int]) -> Mapping[str, int]:
    """Primitives and how often, put together."""
    return {name: sum(part.get(name, 0) for part in parts) for part in parts for name in part}


class Bench:
    """Measures and tells figures; the bare primitives come first."""

    def __init__(self) -> None:
        self.bare = {name: each(call, 200) for name, call in primitives().items()}
        for name, measure in self.bare.items():
            self.tell(f"bare {name}", min(measure() for _ in range(REPEATS)), "us")

    def cost(self, name: str, measure: Measure, made_of: Mapping[str, int] | None = None, budget: float = 0) -> None:
        """A call's µs. `made_of`: its primitives and how often; `budget`: µs where it was set."""
        parts, told = made_of or {}, dict[str, float]()
        values, floors, exchanges = [], [], []
        for _ in range(REPEATS):
            values.append(measure())
            floors.append(sum(self.bare[part]() * count for part, count in parts.items()))
            exchanges.append(self.bare["X25519 exchange"]())
        if parts:
            told["ratio_to_floor"] = median(value / floor for value, floor in zip(values, floors, strict=True))
        if budget:
            told["budget"] = budget * min(exchanges) / X25519
        self.tell(name, min(values), "us", **told)

    def tell(self, name: str, value: float, unit: str, **told: float) -> None:
        rounded = {key: round(figure, 2) for key, figure in told.items()}
        print(json.dumps({"bench": "crypto", "name": name, "value": round(value, 1), "unit": unit, **rounded}))


def primitives() -> Mapping[str, Callable[[], object]]:
    """Calls of `cryptography` and hashlib, with nothing of ours around them."""
    secret, kem_seed, device, sha = os.urandom(32), os.urandom(64), DeviceKey.generate(), SHA256()
    private = X25519PrivateKey.from_private_bytes(secret)
    public, own = private.public_key(), private.public_key().public_bytes_raw()
    kem_public = MLKEM768PrivateKey.from_seed_bytes(kem_seed).public_key().public_bytes_raw()
    _, ciphertext = MLKEM768PublicKey.from_public_bytes(kem_public).encapsulate()
    siv, signature = AESGCMSIV(secret).encrypt(bytes(12), KIB, own), device.private.sign(bytes(113))
    suite, padded = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM), bytes(SIZES[1])
    sealed = suite.encrypt(padded, public, own)
    return {
        "X25519 exchange": lambda: private.exchange(public),
        "X25519 from bytes": lambda: X25519PrivateKey.from_private_bytes(secret).exchange(
            X25519PublicKey.from_public_bytes(own)
        ),
        "X25519 public key": lambda: X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw(),
        "Ed25519 sign": lambda: device.private.sign(bytes(113)),
        "Ed25519 verify": lambda: Ed25519PublicKey.from_public_bytes(device.public).verify(signature, bytes(113)),
        "ML-KEM-768 encapsulate": lambda: MLKEM768PublicKey.from_public_bytes(kem_public).encapsulate(),
        "ML-KEM-768 decapsulate": lambda: MLKEM768PrivateKey.from_seed_bytes(kem_seed).decapsulate(ciphertext),
        "HMAC": lambda: hmac.digest(secret, b"\x01", "sha256"),
        "HKDF, 44 bytes": lambda: HKDF(sha, 44, None, own).derive(secret),
        "HKDF, 64 bytes": lambda: HKDF(sha, 64, own, own).derive(secret),
        "SHA-256": lambda: hashlib.sha256(KIB).digest(),
        "AES-256-GCM-SIV encrypt": lambda: AESGCMSIV(secret).encrypt(bytes(12), KIB, own),
        "AES-256-GCM-SIV decrypt": lambda: AESGCMSIV(secret).decrypt(bytes(12), siv, own),
        "HPKE seal": lambda: suite.encrypt(padded, public, own),
        "HPKE open": lambda: suite.decrypt(sealed, private, own),
    }


def messages(bench: Bench, engine: Signal) -> None:
    """The engine alone: states in and out, 1 KiB of plaintext."""
    alice, bob, session = connect(engine)
    bob.receive(alice, session, alice.send(session, KIB))
    hers, his = alice.sides[session].state, bob.sides[session].state
    message, answer = engine.encrypt(hers, KIB).message, engine.encrypt(his, KIB).message

    def both() -> None:
        engine.encrypt(hers, KIB)
        engine.decrypt(his, {}, message)

    bench.cost("encrypt 1 KiB", each(lambda: engine.encrypt(hers, KIB), 2000), ENCRYPT)
    bench.cost("decrypt 1 KiB", each(lambda: engine.decrypt(his, {}, message), 2000), DECRYPT)
    bench.cost("encrypt and decrypt 1 KiB", each(both, 1000), add(ENCRYPT, DECRYPT), budget=60)
    begun = add(ENCRYPT, TURN, {"X25519 public key": 1})
    bench.cost("encrypt 1 KiB, turning", each(lambda: engine.encrypt(his, KIB), 500), begun)
    bench.cost("decrypt 1 KiB, turning", each(lambda: engine.decrypt(hers, {}, answer), 500), add(DECRYPT, TURN))
    bench.tell("state", len(hers), "bytes", budget=1024)
    bench.tell("overhead of a message", len(message) - len(KIB), "bytes")


def gap(bench: Bench, engine: Signal) -> None:
    """A message after 1,000 that are missing."""
    alice, bob, session = connect(engine)
    for _ in range(1000):
        alice.send(session, b"lost")
    message, state = alice.send(session, KIB), bob.sides[session].state
    made_of = add(DECRYPT, {"HMAC": 2000})
    bench.cost("decrypt 1 KiB, 1000 missing", each(lambda: engine.decrypt(state, {}, message), 10), made_of)


def handshakes(bench: Bench, engine: Signal) -> None:
    """A new session, with the first message of either side; and what it takes to have prekeys."""
    alice, bob = Party(engine), Party(engine)
    held, bundle, peer, now = list(bob.keys.values()), bob.bundle(), bob.device.public, bob.now
    bench.cost("replenish, all new", each(lambda: engine.replenish(bob.account, bob.device, [], now), 3))
    bench.cost("replenish, nothing to do", each(lambda: engine.replenish(bob.account, bob.device, held, now), 300))
    bench.cost("give a bundle", each(lambda: engine.bundle(bob.device, held, now), 300), {"Ed25519 sign": 2})

    def begin() -> Encrypted:
        return engine.encrypt(engine.initiate(alice.device, peer, bundle, now).state, KIB)

    def accept() -> Accepted:
        return engine.accept(bob.device, alice.device.public, first.message, bob.keys.get, now)

    first, agree = begin(), {"X25519 from bytes": 4, "HKDF, 64 bytes": 1}
    hers = {"Ed25519 verify": 2, "ML-KEM-768 encapsulate": 1, "X25519 public key": 2}
    bench.cost("begin a session", each(begin, 100), add(agree, hers, TURN, ENCRYPT), budget=2000)
    his = {"ML-KEM-768 decapsulate": 1}
    bench.cost("accept a session", each(accept, 100), add(agree, his, TURN, DECRYPT), budget=2000)
    bench.tell("bundle", len(bundle), "bytes")
    bench.tell("state, unanswered", len(first.state), "bytes")
    bench.tell("overhead of a first message", len(first.message) - len(KIB), "bytes")


class Side:
    """One device and its sessions, as the core keeps them, but without a store."""

    def __init__(self, engine: Signal) -> None:
        self.party = Party(engine)
        self.sessions = Sessions(cast(Any, None), engine, ManualClock())
        device = self.party.device
        self.id = AccountId(device.public.hex())
        row = Account(id=self.id, name="", kind="person", device=device.public, device_list=b"", created_at=0)
        self.me = Me(row, device.public, device, cast(Any, None))

    def contact(self, other: Side) -> Contact:
        talk = ConversationId("")
        return Contact(account=self.id, id=other.id, conversation=talk, state="accepted", created_at=0)

    def send(self, other: Side, text: str) -> bytes:
        """The whole of the direct way out: content, signature, padding, ratchet, packet."""
        content = Content(id=bytes(16), conversation=bytes(16), kind=TEXT, time_ms=1 << 40, text=Text(text=text))
        plaintext = seal_content(content, self.me.device, other.me.key)
        head = self.sessions.current(self.contact(other), other.me.device.public)
        return self.sessions.encrypt(self.me, cast(Any, head), plaintext)[0]

    def receive(self, other: Side, raw: bytes) -> Content:
        """The whole of the direct way in: packet, ratchet, padding, signature, content."""
        packet = parse_packet(raw)
        opened = self.sessions.open(self.me, packet, self.party.keys.get)
        if opened.transcript:
            self.sessions.adopt(opened, other.id)
        return open_content(opened.plaintext, packet.sender, self.me.key)


def talking(engine: Signal) -> tuple[Side, Side]:
    """Two with an answered session."""
    ana, bob = Side(engine), Side(engine)
    ana.sessions.begin(ana.me, ana.contact(bob), bob.me.device.public, bob.party.bundle())
    bob.receive(ana, ana.send(bob, "first"))
    ana.receive(bob, bob.send(ana, "answer"))
    return ana, bob


def way(bench: Bench, engine: Signal) -> None:
    """What a text in a content of 1 KiB passes, out and in; without turns, then with one each time."""
    ana, bob = talking(engine)
    packets: list[bytes] = []  # of one chain; each is opened once

    def received() -> float:
        packets.clear()
        timed(lambda: packets.append(ana.send(bob, LONG_TEXT)), PACKETS)
        waiting = iter(packets)
        return timed(lambda: bob.receive(ana, next(waiting)), PACKETS)

    def one_each_way() -> None:
        ana.receive(bob, bob.send(ana, LONG_TEXT))
        bob.receive(ana, ana.send(bob, LONG_TEXT))

    out, way_in = add(ENCRYPT, {"Ed25519 sign": 1, "SHA-256": 1}), add(DECRYPT, {"Ed25519 verify": 1, "SHA-256": 1})
    bench.cost("receive a text", received, way_in, budget=150)
    bench.cost("send a text", each(lambda: ana.send(bob, LONG_TEXT), 300), out, budget=80)
    turns = {"X25519 public key": 1, "X25519 from bytes": 2, "HKDF, 64 bytes": 2}
    twice = add(out, out, way_in, way_in, turns, turns)
    ana, bob = talking(engine)
    bench.cost("a text each way, turning", each(one_each_way, 50), twice)
    sealing(bench, bob, ana.send(bob, LONG_TEXT))


def sealing(bench: Bench, bob: Side, packet: bytes) -> None:
    """What the mailbox's envelope adds, to a packet whose content has 1 KiB."""
    device, secret = bob.me.device.public, os.urandom(32)
    public = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    key = PrivateKey(account=bob.id, id=1, kind="seal-key", secret=secret, public=public, created_at=0)
    envelope = seal(packet, device, public)
    bench.cost("seal", each(lambda: seal(packet, device, public), 200), {"HPKE seal": 1}, budget=60)
    bench.cost("unseal", each(lambda: unseal(envelope, device, [key]), 200), {"HPKE open": 1}, budget=40)


def main() -> None:
    """All figures."""
    bench, engine = Bench(), Signal()
    for part in (messages, way, handshakes, gap):
        part(bench, engine)


if __name__ == "__main__":
    main()
