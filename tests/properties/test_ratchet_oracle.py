"""Our ratchet speaks the same bytes as Syndace's `DoubleRatchet`, and refuses the same."""

import random
import struct
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from cryptography.exceptions import InvalidTag
from doubleratchet import (
    AEAD,
    AuthenticationFailedException,
    DoSProtectionException,
    DoubleRatchet,
    DuplicateMessageException,
    EncryptedMessage,
    Header,
)
from doubleratchet.recommended import HashFunction, kdf_hkdf, kdf_separate_hmacs
from doubleratchet.recommended.diffie_hellman_ratchet_curve25519 import DiffieHellmanRatchet

from mepassad.builtin.crypto_signal import keys, labels, ratchet
from mepassad.errors import CryptoError, DecryptFailed

AD = bytes(range(32))
HEADER = struct.Struct(">B32sII")
REFUSED = (CryptoError, AuthenticationFailedException, DoSProtectionException, DuplicateMessageException)
T = TypeVar("T")


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what is written as a coroutine but never waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("it waited")


class Aead(AEAD):
    @staticmethod
    async def encrypt(plaintext: bytes, key: bytes, associated_data: bytes) -> bytes:
        return keys.seal(key, plaintext, associated_data)

    @staticmethod
    async def decrypt(ciphertext: bytes, key: bytes, associated_data: bytes) -> bytes:
        try:
            return keys.unseal(key, ciphertext, associated_data)
        except (DecryptFailed, InvalidTag):
            raise AuthenticationFailedException from None


class RootKdf(kdf_hkdf.KDF):
    @staticmethod
    def _get_hash_function() -> HashFunction:
        return HashFunction.SHA_256

    @staticmethod
    def _get_info() -> bytes:
        return labels.DH_TURN


class ChainKdf(kdf_separate_hmacs.KDF):
    @staticmethod
    def _get_hash_function() -> HashFunction:
        return HashFunction.SHA_256


class Ratchet(DoubleRatchet):
    @staticmethod
    def _build_associated_data(associated_data: bytes, header: Header) -> bytes:
        return associated_data + pack(header)


SETTINGS: dict[str, Any] = {
    "diffie_hellman_ratchet_class": DiffieHellmanRatchet,
    "root_chain_kdf": RootKdf,
    "message_chain_kdf": ChainKdf,
    "message_chain_constant": b"\x02\x01",
    "dos_protection_threshold": ratchet.MAX_GAP,
    "max_num_skipped_message_keys": ratchet.MAX_SKIPPED,
    "aead": Aead,
}


def pack(header: Header) -> bytes:
    return HEADER.pack(1, header.ratchet_pub, header.previous_sending_chain_length, header.sending_chain_length)


def parse(message: bytes) -> EncryptedMessage:
    version, public, previous, counter = HEADER.unpack_from(message)
    if version != 1:  # a byte of ours, which the other library knows nothing of
        raise AuthenticationFailedException
    header = Header(ratchet_pub=public, previous_sending_chain_length=previous, sending_chain_length=counter)
    return EncryptedMessage(header=header, ciphertext=message[HEADER.size :])


class Theirs:
    """Syndace's side, reloaded at every step."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def _load(self) -> Ratchet:
        return Ratchet.from_model(self.model, **SETTINGS)

    def send(self, text: bytes) -> bytes:
        loaded = self._load()
        message = drive(loaded.encrypt_message(text, AD))
        self.model = loaded.model
        return pack(message.header) + message.ciphertext

    def receive(self, message: bytes) -> bytes:
        loaded = self._load()
        text = drive(loaded.decrypt_message(parse(message), AD))
        self.model = loaded.model
        return text


class Ours:
    """Our side; a state is bytes, so every step reloads."""

    def __init__(self, state: bytes, random_bytes: Any) -> None:
        self.state = state
        self.random = random_bytes
        self.skipped: dict[bytes, bytes] = {}

    def send(self, text: bytes) -> bytes:
        self.state, message = ratchet.encrypt(self.state, text, self.random)
        return message

    def receive(self, message: bytes) -> bytes:
        opened = ratchet.decrypt(self.state, self.skipped, message)
        self.state = opened.state
        for reference in opened.used:
            del self.skipped[reference]
        self.skipped.update(opened.skipped)
        return opened.plaintext


def begun_by_us(chance: random.Random) -> tuple[Ours, Theirs]:
    root, private = chance.randbytes(32), chance.randbytes(32)
    state = ratchet.State.unpack(ratchet.begin_sending(root, keys.x25519_public(private), AD, b""))
    state.front = b""  # the handshake is not what is compared here
    ours = Ours(state.pack(), chance.randbytes)
    theirs, text = drive(
        Ratchet.decrypt_initial_message(
            shared_secret=root,
            own_ratchet_priv=private,
            message=parse(ours.send(b"first")),
            associated_data=AD,
            **SETTINGS,
        )
    )
    assert text == b"first"
    return ours, Theirs(theirs.model)


def begun_by_them(chance: random.Random) -> tuple[Ours, Theirs]:
    root, private = chance.randbytes(32), chance.randbytes(32)
    public = keys.x25519_public(private)
    theirs, first = drive(
        Ratchet.encrypt_initial_message(
            shared_secret=root, recipient_ratchet_pub=public, message=b"first", associated_data=AD, **SETTINGS
        )
    )
    ours = Ours(ratchet.begin_receiving(root, private, public, AD), chance.randbytes)
    assert ours.receive(pack(first.header) + first.ciphertext) == b"first"
    return ours, Theirs(theirs.model)


@pytest.mark.filterwarnings("ignore:More than 1000 message keys skipped")  # where theirs goes on and ours refuses
@pytest.mark.parametrize("begin", [begun_by_us, begun_by_them])
def test_three_thousand_messages_in_any_order_agree_with_the_oracle(begin: Any) -> None:
    chance = random.Random(begin.__name__)
    ours, theirs = begin(chance)
    underway: dict[Any, list[tuple[bytes, bytes]]] = {ours: [], theirs: []}  # by receiver
    count = Counter[str]()
    while count["opened"] < 3000:
        sender, receiver = chance.choice([(ours, theirs), (theirs, ours)])
        if chance.random() < 0.5 or not underway[receiver]:
            text = chance.randbytes(chance.randrange(40))
            underway[receiver].append((sender.send(text), text))
            continue
        # Most come soon, as on a network; some come from anywhere, long after their chain has ended.
        near = len(underway[receiver]) if chance.random() < 0.1 else min(len(underway[receiver]), 20)
        message, text = underway[receiver].pop(chance.randrange(near))
        if chance.random() < 0.05:
            count["lost"] += 1
            continue
        for part, (start, end) in {"header": (0, HEADER.size), "body": (HEADER.size, len(message))}.items():
            if chance.random() < 0.2:
                refuse(receiver, flip(message, chance.randrange(start, end), chance))
                count[part] += 1
        assert receiver.receive(message) == text
        count["opened"] += 1
        if chance.random() < 0.2:
            refuse(receiver, message)
            count["again"] += 1
    assert count["lost"] > 100
    assert min(count["header"], count["body"], count["again"]) > 500


def refuse(receiver: Any, message: bytes) -> None:
    before = kept(receiver)
    with pytest.raises(REFUSED):
        receiver.receive(message)
    assert kept(receiver) == before


def kept(side: Any) -> Any:
    """All that a side keeps, as it would lie on a disk."""
    return (side.state, dict(side.skipped)) if isinstance(side, Ours) else side.model.model_dump_json()


def flip(message: bytes, at: int, chance: random.Random) -> bytes:
    return message[:at] + bytes([message[at] ^ (1 << chance.randrange(8))]) + message[at + 1 :]
