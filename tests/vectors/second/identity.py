"""identity.md."""

from __future__ import annotations

import unicodedata
from importlib.resources import files
from typing import Any

from second.primitives import ed25519_public, hkdf, hmac, sha256, sign, verify
from second.protobuf import decode, encode
from second.refused import Refused, need
from second.texts import base58, base64url, bech32m, unbase58, unbase64url, unbech32m

Fields = dict[str, Any]
LISTS = {
    # The word lists of BIP-39, as a package has them.
    language: (files("mnemonic") / "wordlist" / f"{language}.txt").read_text("utf-8").split()
    for language in ("english", "portuguese")
}
NODE = bytes.fromhex("002408011220")


def words(words: str) -> Fields:
    typed = words.lower().split()
    for known in LISTS.values():
        if len(typed) == 24 and set(typed) <= set(known):
            bits = "".join(f"{known.index(word):011b}" for word in typed)
            seed = int(bits[:256], 2).to_bytes(32, "big")
            if int(bits[256:], 2) == sha256(seed)[0]:
                key = ed25519_public(seed)
                return {
                    "seed": seed.hex(),
                    "account_key": key.hex(),
                    "account_id": bech32m("mp", key),
                } | directory(seed)
    raise Refused("WrongWords")


def directory(seed: bytes) -> Fields:
    private = hkdf(seed, bytes(32), b"mepassa/1 directory number", 32)
    return {
        "directory_private": private.hex(),
        "directory_number": ed25519_public(private).hex(),
        "reunion_secret": hkdf(seed, bytes(32), b"mepassa/1 reunion secret", 32).hex(),
    }


def reunion_proof(reunion_secret: str, contact: str, transcript: str) -> Fields:
    key = hmac(bytes.fromhex(reunion_secret), b"mepassa/1 reunion key", bytes.fromhex(contact))
    return {"key": key.hex(), "proof": hmac(key, b"mepassa/1 reunion proof", bytes.fromhex(transcript)).hex()}


def account_id_write(key: str) -> Fields:
    return {"text": bech32m("mp", bytes.fromhex(key))}


def account_id_read(text: str) -> Fields:
    key = unbech32m("mp", text)
    need(len(key) == 32, "Malformed")
    return {"key": key.hex()}


def node_id_write(key: str) -> Fields:
    need(len(bytes.fromhex(key)) == 32, "Malformed")
    return {"text": base58(NODE + bytes.fromhex(key))}


def node_id_read(text: str) -> Fields:
    raw = unbase58(text)
    need(len(raw) == 38 and raw.startswith(NODE), "Malformed")
    return {"key": raw[6:].hex()}


def base64url_read(text: str) -> Fields:
    return {"bytes": unbase64url(text).hex()}


def message_id(sender: str, content_id: str) -> Fields:
    content = bytes.fromhex(content_id)
    found = content[:6] + sha256(b"mepassa/1 message id", bytes.fromhex(sender), content)[:10]
    return {"bytes": found.hex(), "text": base64url(found)}


def conversation_id(one: str, other: str) -> Fields:
    found = sha256(b"mepassa/1 direct conversation", *sorted([bytes.fromhex(one), bytes.fromhex(other)]))[:16]
    return {"bytes": found.hex(), "text": base64url(found)}


def device_list_write(account_seed: str, devices: list[Fields], revoked: list[str], previous: int, now: int) -> Fields:
    account = bytes.fromhex(account_seed)
    key, entries = ed25519_public(account), []
    for device in devices:
        seed = bytes.fromhex(device["seed"])
        public = ed25519_public(seed)
        agreement = sign(seed, b"mepassa/1 device agreement", key, public)
        entries.append({"key": public, "name": device["name"], "added_at": device["added_at"], "agreement": agreement})
    version = max(previous + 1, now)
    gone = [bytes.fromhex(one) for one in revoked]
    raw = encode("DeviceList", {"account": key, "version": version, "devices": entries, "revoked": gone})
    signature = sign(account, b"mepassa/1 device list", raw)
    return {
        "version": version,
        "agreements": [entry["agreement"].hex() for entry in entries],
        "list": raw.hex(),
        "signature": signature.hex(),
        "signed": encode("SignedDeviceList", {"list": raw, "signature": signature}).hex(),
    }


def listed(signed: Fields, account: bytes, now: int | None) -> Fields:
    """A device list that is to be believed."""
    raw = signed.get("list", b"")
    verify(account, signed.get("signature", b""), b"mepassa/1 device list", raw)
    body = decode("DeviceList", raw, "MalformedContent")
    devices, revoked = body.get("devices", []), body.get("revoked", [])
    keys = [device.get("key", b"") for device in devices] + revoked
    need(body.get("account") == account, "MalformedContent")
    need(1 <= len(devices) <= 32 and len(revoked) <= 256, "MalformedContent")
    need(len(set(keys)) == len(keys) and all(len(key) == 32 for key in keys), "MalformedContent")
    for device in devices:
        verify(device["key"], device.get("agreement", b""), b"mepassa/1 device agreement", account, device["key"])
    need(now is None or body.get("version", 0) <= now + 86_400, "MalformedContent")
    return {
        "account": account.hex(),
        "version": body.get("version", 0),
        "stamp": sha256(raw)[:16].hex(),
        "devices": [{"key": one["key"].hex(), "name": name(one.get("name", ""))["shown"]} for one in devices],
        "revoked": sorted(key.hex() for key in revoked),
    }


def followed(found: Fields, account: bytes, seen: str | None) -> Fields:
    """A device list that follows the one that was seen before."""
    if seen is not None:
        before = listed(decode("SignedDeviceList", bytes.fromhex(seen)), account, None)
        if before["stamp"] != found["stamp"]:
            need(found["version"] > before["version"], "MalformedContent")
            need(not {device["key"] for device in found["devices"]} & set(before["revoked"]), "MalformedContent")
    return found


def device_list_read(signed: str, account: str, now: int, seen: str | None) -> Fields:
    key = bytes.fromhex(account)
    return followed(listed(decode("SignedDeviceList", bytes.fromhex(signed), "MalformedContent"), key, now), key, seen)


def stamp_compare(stamp: str, signed: str, account: str) -> Fields:
    named = decode("ListStamp", bytes.fromhex(stamp), "MalformedContent")
    known = listed(decode("SignedDeviceList", bytes.fromhex(signed)), bytes.fromhex(account), None)
    version = named.get("version", 0)
    if version != known["version"]:
        return {"named": "newer" if version > known["version"] else "older"}
    return {"named": "same" if named.get("hash", b"").hex() == known["stamp"] else "other"}


def card_write(device_seed: str, name: str, kind: str, devices: str, made_at: int) -> Fields:
    seed = bytes.fromhex(device_seed)
    inner = decode("SignedDeviceList", bytes.fromhex(devices))
    card = encode("Card", {"name": name, "kind": kind, "devices": inner, "made_at": made_at})
    signature = sign(seed, b"mepassa/1 card", card)
    signed = encode("SignedCard", {"card": card, "device": ed25519_public(seed), "signature": signature})
    return {"card": card.hex(), "signature": signature.hex(), "signed": signed.hex()}


def card_read(signed: str, now: int) -> Fields:
    outer = decode("SignedCard", bytes.fromhex(signed), "MalformedContent")
    return card(outer, now)


def card(outer: Fields, now: int) -> Fields:
    """A card that is to be believed."""
    raw, device = outer.get("card", b""), outer.get("device", b"")
    body = decode("Card", raw, "MalformedContent")
    devices = body.get("devices", {})
    account = decode("DeviceList", devices.get("list", b""), "MalformedContent").get("account", b"")
    need(len(account) == 32, "MalformedContent")
    found = listed(devices, account, now)
    need(device.hex() in [one["key"] for one in found["devices"]], "InvalidSignature")
    verify(device, outer.get("signature", b""), b"mepassa/1 card", raw)
    kind = body.get("kind") if body.get("kind") in ("person", "bot", "ai-agent", "node") else "person"
    return {"name": name(body.get("name", ""))["shown"], "kind": kind, "devices": found}


INVISIBLE = [
    (0x34F, 0x34F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2065, 0x2065), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF),
]  # fmt: skip


def name(text: str) -> Fields:
    out = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    kept = [
        c for c in text[:1024] if unicodedata.category(c) not in out and not any(a <= ord(c) <= b for a, b in INVISIBLE)
    ]
    composed = unicodedata.normalize("NFC", "".join(kept))
    spaced = "".join(" " if unicodedata.category(c) == "Zs" or ord(c) in (0x2800, 0x1D159) else c for c in composed)
    words = [marked(word) for word in spaced.split(" ")]
    return {"shown": " ".join(word for word in words if word)[:64].strip(" ")}


def marked(word: str) -> str:
    out, run = "", 4  # as if four marks stood before the word
    for c in word:
        run = run + 1 if unicodedata.category(c)[0] == "M" else 0
        out += c if run <= 4 else ""
    return out
