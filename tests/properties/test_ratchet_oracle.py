"""Our ratchet speaks the same bytes as Syndace's `DoubleRatchet`, and our DH1 to DH4 are those of its `X3DH`."""

import random
import struct
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
import x3dh
from cryptography.exceptions import InvalidTag
from doubleratchet import AEAD, AuthenticationFailedException, DoubleRatchet, EncryptedMessage, Header
from doubleratchet.recommended import HashFunction, kdf_hkdf, kdf_separate_hmacs
from doubleratchet.recommended.diffie_hellman_ratchet_curve25519 import DiffieHellmanRatchet
from x3dh.identity_key_pair import IdentityKeyPairSeed

from mepassad.api.crypto import DeviceKey
from mepassad.builtin.crypto_signal import handshake, keys, labels, prekeys, ratchet, signal_pb2
from mepassad.errors import CryptoError, DecryptFailed

AD = bytes(range(32))
HEADER = struct.Struct(">B32sII")
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
    _, public, previous, counter = HEADER.unpack_from(message)
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


@pytest.mark.parametrize("begin", [begun_by_us, begun_by_them])
def test_three_thousand_messages_in_any_order_agree_with_the_oracle(begin: Any) -> None:
    chance = random.Random(begin.__name__)
    ours, theirs = begin(chance)
    underway: dict[Any, list[tuple[bytes, bytes]]] = {ours: [], theirs: []}  # by receiver
    opened = refused = 0
    while opened < 3000:
        sender, receiver = chance.choice([(ours, theirs), (theirs, ours)])
        if chance.random() < 0.5 or not underway[receiver]:
            text = chance.randbytes(chance.randrange(40))
            underway[receiver].append((sender.send(text), text))
            continue
        message, text = underway[receiver].pop(chance.randrange(min(len(underway[receiver]), 20)))
        if chance.random() < 0.05:
            continue  # lost
        if chance.random() < 0.3:
            with pytest.raises((CryptoError, AuthenticationFailedException)):
                receiver.receive(flip_in_body(message, chance))
            refused += 1
        assert receiver.receive(message) == text
        opened += 1
    assert refused > 600


def flip_in_body(message: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(HEADER.size, len(message))
    return message[:at] + bytes([message[at] ^ (1 << chance.randrange(8))]) + message[at + 1 :]


def test_the_dh_part_of_our_handshake_agrees_with_x3dh() -> None:
    chance = random.Random(7)
    alice, bob, now = DeviceKey(chance.randbytes(32)), DeviceKey(chance.randbytes(32)), 1_800_000_000

    class State(x3dh.State):
        def _publish_bundle(self, bundle: x3dh.Bundle) -> None:
            pass

        @staticmethod
        def _encode_public_key(key_format: x3dh.IdentityKeyFormat, pub: bytes) -> bytes:
            return pub

    form = (x3dh.IdentityKeyFormat.ED_25519, x3dh.HashFunction.SHA_256)
    theirs = State.create(*form, b"", IdentityKeyPairSeed(bob.seed()))
    their_one_time = min(theirs.bundle.pre_keys)
    bundle = signal_pb2.Bundle(one_time_prekey=signal_pb2.OneTimePrekey(id=3, public=their_one_time))
    pq = keys.kem_public(bytes(64))
    for field, label, public in (
        (bundle.signed_prekey, labels.SIGNED_PREKEY, theirs.bundle.signed_pre_key),
        (bundle.pq_prekey, labels.PQ_PREKEY, pq),
    ):
        field.id, field.created_at, field.public = 1, now, public
        field.signature = bob.private.sign(prekeys.signed_part(label, bob.public, field))

    def without_kem(public: bytes) -> tuple[bytes, bytes]:
        return b"", b""  # an empty secret leaves DH1 to DH4

    ephemeral = chance.randbytes(32)
    ours = handshake.initiate(alice, bob.public, bundle.SerializeToString(), now, ephemeral, without_kem)

    settings = (*form, labels.ROOT_KEY + ours.transcript)
    theirs = State.from_model(theirs.model, *settings)
    header = x3dh.Header(alice.public, keys.x25519_public(ephemeral), theirs.bundle.signed_pre_key, their_one_time)
    secret, _, _ = drive(theirs.get_shared_secret_passive(header))
    assert ratchet.State.unpack(ours.state).root == secret
