"""A device with an engine, keeping what the core would keep: for tests of crypto plugins and of what stands on them."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from mepassad.api.crypto import Crypto, DeviceKey
from mepassad.api.types import AccountId, PrivateKey

NOW = 1_800_000_000  # Unix seconds


@dataclass(repr=False)
class Side:
    """One party's half of a session: its state and its table of skipped message keys, oldest first."""

    state: bytes
    skipped: dict[bytes, bytes] = field(default_factory=dict)


class Party:
    """One device. `send` and `receive` commit what the engine returns, as a core does; a failure commits nothing."""

    def __init__(self, engine: Crypto, now: int = NOW) -> None:
        self.engine = engine
        self.now = now
        self.device = DeviceKey.generate()
        self.account = AccountId("mp1test")
        self.keys: dict[int, PrivateKey] = {}
        self.sides: dict[bytes, Side] = {}
        self.transcripts: dict[bytes, bytes] = {}
        self.replenish()

    def replenish(self) -> None:
        changes = self.engine.replenish(self.account, self.device, list(self.keys.values()), self.now)
        self._write((*changes.added, *changes.changed), changes.dropped)

    def bundle(self) -> bytes:
        """A bundle for one peer, with its one-time keys marked as given."""
        bundle = self.engine.bundle(self.device, list(self.keys.values()), self.now)
        self._write(tuple(replace(self.keys[given], given_at=self.now) for given in bundle.given), ())
        return bundle.public

    def begin(self, peer: Party, bundle: bytes | None = None) -> bytes:
        """Begin a session, from a fresh bundle of the peer unless one is given; its id."""
        begun = self.engine.initiate(self.device, peer.device.public, bundle or peer.bundle(), self.now)
        self.sides[begun.session], self.transcripts[begun.session] = Side(begun.state), begun.transcript
        return begun.session

    def send(self, session: bytes, plaintext: bytes) -> bytes:
        encrypted = self.engine.encrypt(self.sides[session].state, plaintext)
        self.sides[session].state = encrypted.state
        return encrypted.message

    def receive(self, peer: Party, session: bytes, message: bytes) -> bytes:
        """Open a message of a session, which may be its first."""
        if session not in self.sides:
            return self.accept(peer, message)
        side = self.sides[session]
        opened = self.engine.decrypt(side.state, side.skipped, message)
        side.state = opened.state
        for reference in opened.used:
            del side.skipped[reference]
        side.skipped.update(opened.skipped)
        return opened.plaintext

    def accept(self, peer: Party, message: bytes) -> bytes:
        accepted = self.engine.accept(self.device, peer.device.public, message, self.keys.get, self.now)
        self._write(accepted.changed, accepted.used)
        self.sides[accepted.session] = Side(accepted.state, dict(accepted.skipped))
        self.transcripts[accepted.session] = accepted.transcript
        return accepted.plaintext

    def _write(self, rows: tuple[PrivateKey, ...], dropped: tuple[int, ...]) -> None:
        self.keys.update({row.id: row for row in rows})
        for identifier in dropped:
            del self.keys[identifier]


def connect(engine: Crypto) -> tuple[Party, Party, bytes]:
    """Two parties with a session between them, begun by the first and answered by the second; and its id."""
    alice, bob = Party(engine), Party(engine)
    session = alice.begin(bob)
    bob.receive(alice, session, alice.send(session, b"first"))
    alice.receive(bob, session, bob.send(session, b"answer"))
    return alice, bob, session
