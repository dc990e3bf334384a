"""Published vectors (PyPI `cryptography-vectors`) through our own call paths; each test says how many there are."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mepassad.api.crypto import DeviceKey
from mepassad.api.types import AccountId, PrivateKey
from mepassad.builtin.crypto_signal import keys
from mepassad.errors import DecryptFailed, InvalidSignature
from mepassad.wire import invites, seal
from mepassad.wire.identity import verify
from mepassad.wire.packets import pack_packet
from mepassad.wire.padding import pad, unpad

Record = dict[str, bytes]


def read(name: str) -> str:
    with cryptography_vectors.open_vector_file(name, "r") as file:
        text: str = file.read()
    return text


def records(name: str, last: str) -> list[Record]:
    """The records of a file of lines `name = hex`; each ends with the field `last`."""
    found: list[Record] = []
    record: Record = {}
    for field, value in re.findall(r"^(\w+) *= *([0-9a-f]*)$", read(name), re.MULTILINE):
        if len(value) % 2 == 0:
            record[field.lower()] = bytes.fromhex(value)
        if field == last:
            found.append(record)
            record = {}
    return found


def changed(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


# -- keys


def test_the_3_exchanges_of_rfc_7748() -> None:
    found = records("asymmetric/X25519/rfc7748.txt", "OUTPUT_U")
    assert len(found) == 3
    for record in found:
        assert keys.exchange(record["input_scalar"], record["input_u"]) == record["output_u"]
    base = (9).to_bytes(32, "little")
    assert keys.x25519_public(base) == keys.exchange(base, base) == found[-1]["output_u"]


def test_the_thousandth_exchange_of_rfc_7748_each_with_the_results_before() -> None:
    scalar = point = (9).to_bytes(32, "little")
    for _ in range(1000):
        scalar, point = keys.exchange(scalar, point), scalar
    assert scalar.hex() == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"


def test_the_1024_signatures_of_ed25519_hold_and_altered_ones_do_not() -> None:
    count = 0
    for line in read("asymmetric/Ed25519/sign.input").split():
        secret, public, text, signed = (bytes.fromhex(field) for field in line.split(":")[:4])
        device, signature = DeviceKey(secret[:32]), signed[:64]
        assert device.public == public
        assert device.private.sign(text) == signature
        verify(public, signature, b"", text)
        verify(public, signature, text[:1], text[1:2], text[2:])
        for wrong in ((changed(signature), text), (changed(signature[:32]) + signature[32:], text), (signature, b"x")):
            with pytest.raises(InvalidSignature):
                verify(public, wrong[0], b"", wrong[1])
        count += 1
    assert count == 1024


def test_the_1000_keys_and_secrets_of_ml_kem_768_and_as_many_implicit_rejections() -> None:
    found = records("asymmetric/MLKEM/kat_MLKEM_768.rsp", "ss")
    assert len(found) == 1000
    for record in found:
        seed = record["d"] + record["z"]
        assert keys.kem_public(seed) == record["pk"]
        assert keys.kem_decapsulate(seed, record["ct"]) == record["ss"]
        assert keys.kem_decapsulate(seed, record["ct_n"]) == record["ss_n"]
    shared, ciphertext = keys.kem_encapsulate(record["pk"])
    assert keys.kem_decapsulate(seed, ciphertext) == shared != keys.kem_decapsulate(seed, changed(ciphertext))


# -- derivations


def test_the_4_derivations_of_hkdf_with_sha256() -> None:
    found = [*records("KDF/rfc-5869-HKDF-SHA256.txt", "OKM"), *records("KDF/hkdf-generated.txt", "OKM")]
    assert [len(record["okm"]) for record in found] == [42, 82, 42, 1200]
    for record in found:
        for salt in (record["salt"], record["salt"] or None, record["salt"] or bytes(32)):
            assert keys.hkdf(record["ikm"], salt, record["info"], len(record["okm"])) == record["okm"]


def test_the_6_codes_of_hmac_with_sha256_as_proofs_of_invites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invites, "_PROOF_LABEL", b"")
    found = records("HMAC/rfc-4231-sha256.txt", "MD")
    assert len(found) == 6
    for record in found:
        assert invites.proof(record["key"], record["msg"]) == record["md"]


# -- what is encrypted


def test_the_24_texts_of_aes_256_gcm_siv_as_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [row for row in siv() if len(row["key"]) == 32]
    assert len(found) == 24
    for row in found:
        monkeypatch.setattr(keys, "hkdf", lambda *_, row=row: row["key"] + row["iv"])
        text, ad, sealed = row["plaintext"], row.get("aad", b""), row["ciphertext"] + row["tag"]
        assert keys.seal(b"", text, ad) == sealed
        assert keys.unseal(b"", sealed, ad) == text
        for wrong in ((changed(sealed), ad), (sealed, ad + b"x"), (sealed[1:], ad)):
            with pytest.raises(DecryptFailed):
                keys.unseal(b"", *wrong)


def siv() -> Iterator[Record]:
    """The records of GCM-SIV, which name some fields only where they are not empty."""
    for text in re.split(r"^COUNT.*$", read("ciphers/AES/GCM-SIV/openssl.txt"), flags=re.MULTILINE)[1:]:
        found = re.findall(r"^(\w+) *= *([0-9a-f]*)$", text, re.MULTILINE)
        yield {"plaintext": b"", "ciphertext": b"", **{name.lower(): bytes.fromhex(value) for name, value in found}}


# -- the seal, whose label RFC 9180's vectors do not have: a second HPKE, which they hold, opens ours and ours opens its


class Hpke(NamedTuple):
    """What both sides of DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM in base mode come to."""

    key: bytes
    nonce: bytes

    @classmethod
    def make(cls, shared: bytes, enc: bytes, recipient: bytes, info: bytes) -> Hpke:
        kem, suite = b"KEM" + struct.pack(">H", 0x20), b"HPKE" + struct.pack(">HHH", 0x20, 1, 2)
        secret = expand(kem, extract(kem, b"", b"eae_prk", shared), b"shared_secret", enc + recipient, 32)
        context = b"\x00" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
        scheduled = extract(suite, secret, b"secret", b"")
        return cls(expand(suite, scheduled, b"key", context, 32), expand(suite, scheduled, b"base_nonce", context, 12))

    def nth(self, count: int) -> bytes:
        return (int.from_bytes(self.nonce, "big") ^ count).to_bytes(12, "big")


def extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt, b"HPKE-v1" + suite + label + ikm, "sha256")


def expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = struct.pack(">H", length) + b"HPKE-v1" + suite + label + info
    first = hmac.digest(prk, labelled + b"\x01", "sha256")
    return (first + hmac.digest(prk, first + labelled + b"\x02", "sha256"))[:length]


def rfc_9180() -> dict[str, Any]:
    (found,) = (
        each
        for each in json.loads(read("HPKE/test-vectors.json"))
        if (each["mode"], each["kem_id"], each["kdf_id"], each["aead_id"]) == (0, 0x20, 1, 2)
    )
    vector: dict[str, Any] = found
    return vector


def test_the_257_texts_of_rfc_9180_hold_the_second_hpke() -> None:
    vector = rfc_9180()
    secret, enc, public, info = (bytes.fromhex(vector[name]) for name in ("skRm", "enc", "pkRm", "info"))
    context = Hpke.make(keys.exchange(secret, enc), enc, public, info)
    assert (context.key.hex(), context.nonce.hex()) == (vector["key"], vector["base_nonce"])
    texts = [[bytes.fromhex(each[name]) for name in ("nonce", "aad", "ct", "pt")] for each in vector["encryptions"]]
    assert len(texts) == 257
    for count, (nonce, aad, ct, pt) in enumerate(texts):
        assert context.nth(count) == nonce
        assert AESGCM(context.key).decrypt(nonce, ct, aad) == pt


def test_what_the_second_hpke_seals_is_unsealed_and_what_is_sealed_it_opens() -> None:
    ana, bob = DeviceKey(b"a" * 32), DeviceKey(b"b" * 32)
    secret, ephemeral = hashlib.sha256(b"seal key").digest(), hashlib.sha256(b"ephemeral").digest()
    public, enc = keys.x25519_public(secret), keys.x25519_public(ephemeral)
    packet, info = pack_packet(ana.public, bob.public, b"s" * 16, b"message"), seal.ENVELOPE_LABEL + bob.public + public
    theirs = Hpke.make(keys.exchange(ephemeral, public), enc, public, info)
    envelope = b"\x01" + enc + AESGCM(theirs.key).encrypt(theirs.nonce, pad(packet, seal.SIZES), b"")
    row = PrivateKey(account=AccountId("mp1x"), id=7, kind="seal-key", secret=secret, public=public, created_at=0)
    assert seal.unseal(envelope, bob.public, [row]) == packet

    envelope = seal.seal(packet, bob.public, public)
    enc, ct = envelope[1:33], envelope[33:]
    ours = Hpke.make(keys.exchange(secret, enc), enc, public, info)
    assert unpad(AESGCM(ours.key).decrypt(ours.nonce, ct, b"")) == packet
