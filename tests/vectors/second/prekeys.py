"""prekeys.md."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from second.primitives import ed25519_public, hkdf, sign, verify, x25519_public
from second.protobuf import decode, encode, plain
from second.refused import Refused, need

Fields = dict[str, Any]
DAY = 86_400
LABELS = {"signed_prekey": b"mepassa/1/signed-prekey", "pq_prekey": b"mepassa/1/pq-prekey"}


def public(kind: str, secret: bytes) -> bytes:
    if "pq" in kind:
        return MLKEM768PrivateKey.from_seed_bytes(secret).public_key().public_bytes_raw()
    return x25519_public(secret)


def dated(key: Fields) -> bytes:
    """Id, date and public key."""
    numbers = b"".join(key.get(name, 0).to_bytes(8, "big", signed=True) for name in ("id", "created_at"))
    return numbers + bytes(key.get("public", b""))


def bundle_write(device_seed: str, held: list[Fields], now: int, one_time: bool) -> Fields:
    seed = bytes.fromhex(device_seed)
    newest: dict[str, Fields] = {}
    for key in sorted(held, key=lambda key: key["created_at"]):
        newest[key["kind"]] = key | {"public": public(key["kind"], bytes.fromhex(key["secret"]))}
    once, once_pq = (newest.get(kind) if one_time else None for kind in ("one-time-prekey", "one-time-pq-prekey"))
    bundle: Fields = {"signed_prekey": newest["signed-prekey"], "pq_prekey": once_pq or newest["last-resort-pq-prekey"]}
    signed = {name: LABELS[name] + ed25519_public(seed) + dated(key) for name, key in bundle.items()}
    for name, key in bundle.items():
        bundle[name] = key | {"signature": sign(seed, signed[name])}
    if once:
        bundle["one_time_prekey"] = once
    return {
        "bundle": encode("Bundle", bundle).hex(),
        **{name: raw.hex() for name, raw in signed.items()},
        "given": [key["id"] for key in (once, once_pq) if key],
    }


def read(bundle: bytes, device: bytes, now: int) -> Fields:
    need(len(bundle) <= 8192, "BadBundle")
    found = decode("Bundle", bundle, "BadBundle")
    for name, label in LABELS.items():
        key = found.get(name, {})
        verify(device, key.get("signature", b""), label + device + dated(key), name="BadBundle")
        need(now - 30 * DAY <= key.get("created_at", 0) <= now + DAY, "BadBundle")
    return found


def bundle_read(bundle: str, device: str, now: int) -> Fields:
    return plain(read(bytes.fromhex(bundle), bytes.fromhex(device), now))


def number_key(private: str) -> Fields:
    labels = {"contact": b"mepassa/1 number key", "account": b"mepassa/1 directory key"}
    return {name: hkdf(bytes.fromhex(private), bytes(32), label, 32).hex() for name, label in labels.items()}


def invite_key(secret: str, number: str) -> Fields:
    info = b"mepassa/1 invite number key" + bytes.fromhex(number)
    return {"key": hkdf(bytes.fromhex(secret), bytes(32), info, 32).hex()}


def blob_read(blob: str, number: str, key: str) -> Fields:
    raw = bytes.fromhex(blob)
    need(29 < len(raw) <= 65_565 and len(key) == 64, "BadBundle")
    need(raw[0] == 1, "MalformedContent")
    try:
        aad = b"mepassa/1 prekeys blob" + bytes.fromhex(number)
        padded = AESGCMSIV(bytes.fromhex(key)).decrypt(raw[1:13], raw[13:], aad)
    except InvalidTag as error:
        raise Refused("BadBundle") from error
    marked = padded.rstrip(b"\0")
    need(marked.endswith(b"\x80"), "MalformedContent")
    return {"reply": encode("PrekeyReply", decode("PrekeyReply", marked[:-1], "MalformedContent")).hex()}
