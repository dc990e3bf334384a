"""directory.md."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from second.padding import unpadded
from second.primitives import ed25519_public, hkdf, sign, verify
from second.protobuf import decode, encode
from second.refused import Refused, need
from second.texts import base64url, unbase64url

Fields = dict[str, Any]


def directory_key(private: str) -> Fields:
    return {"key": hkdf(bytes.fromhex(private), bytes(32), b"mepassa/1 directory key", 32).hex()}


def name_write(kind: str, number: str) -> Fields:
    return {"name": f"/mepassa/{kind}/{base64url(bytes.fromhex(number))}"}


def name_read(name: str) -> Fields:
    try:
        _, first, kind, text = bytes.fromhex(name).decode("ascii").split("/")
        number = unbase64url(text)
    except (ValueError, Refused) as error:
        raise Refused("MalformedContent") from error
    need(first == "mepassa" and kind in ("addresses", "card") and len(number) == 32, "MalformedContent")
    need(bytes.fromhex(name).startswith(b"/"), "MalformedContent")
    return {"kind": kind, "number": number.hex()}


def cipher(kind: str, secret: str) -> AESGCMSIV:
    return AESGCMSIV(hkdf(bytes.fromhex(secret), bytes(32), b"mepassa/1 record key" + kind.encode(), 32))


def label(kind: str) -> bytes:
    return b"mepassa/1 record of addresses" if kind == "addresses" else b"mepassa/1 record of a card"


def record_write(kind: str, private: str, secret: str, content: str, version: int, nonce: str) -> Fields:
    plain, seed = bytes.fromhex(content), bytes.fromhex(private)
    need(len(plain) < 4096, "MessageTooLarge")
    padded = (plain + b"\x80").ljust(1024 if len(plain) < 1024 else 4096, b"\0")
    number = ed25519_public(seed)
    head, once = number + version.to_bytes(8, "big"), bytes.fromhex(nonce)
    body = head + once + cipher(kind, secret).encrypt(once, padded, b"mepassa/1 sealed record" + head)
    return name_write(kind, number.hex()) | {"record": (body + sign(seed, label(kind), body)).hex()}


def record_check(name: str, record: str, now: int) -> Fields:
    said, raw = name_read(name.encode().hex()), bytes.fromhex(record)
    need(len(raw) in (1156, 4228) and raw[:32].hex() == said["number"], "MalformedContent")
    version = int.from_bytes(raw[32:40], "big")
    need(now - 604_800 <= version <= now + 86_400, "MalformedContent")
    verify(raw[:32], raw[-64:], label(said["kind"]), raw[:-64])
    return {"version": version}


def record_read(name: str, record: str, secret: str, now: int) -> Fields:
    version, raw = record_check(name, record, now)["version"], bytes.fromhex(record)
    kind = name.split("/")[2]
    try:
        padded = cipher(kind, secret).decrypt(raw[40:52], raw[52:-64], b"mepassa/1 sealed record" + raw[:40])
    except InvalidTag as error:
        raise Refused("DecryptFailed") from error
    found = decode("Whereabouts", unpadded(padded), "MalformedContent")
    return {"version": version, "content": encode("Whereabouts", found).hex()}
