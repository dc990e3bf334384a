"""handshake.md."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey

from second import ratchet
from second.prekeys import dated, public, read
from second.primitives import FIELD, ed25519_public, hkdf, sha256, x25519, x25519_public
from second.protobuf import decode, encode
from second.refused import Refused, need

Fields = dict[str, Any]
KINDS = {
    "signed_prekey": {"signed-prekey"},
    "pq_prekey": {"one-time-pq-prekey", "last-resort-pq-prekey"},
    "one_time_prekey": {"one-time-prekey"},
}


def to_private(seed: bytes) -> bytes:
    return hashlib.sha512(seed).digest()[:32]


def to_public(key: bytes, name: str) -> bytes:
    y = int.from_bytes(key, "little") % 2**255
    need(len(key) == 32 and y != 1 and y < FIELD, name)
    return ((1 + y) * pow(1 - y, -1, FIELD) % FIELD).to_bytes(32, "little")


def identity_private(seed: str) -> Fields:
    private = to_private(bytes.fromhex(seed))
    return {"private": private.hex(), "public": x25519_public(private).hex()}


def identity_public(key: str) -> Fields:
    return {"public": to_public(bytes.fromhex(key), "Malformed").hex()}


def derived(initiator: bytes, responder: bytes, handshake: bytes, keys: Fields, secrets: list[bytes]) -> Fields:
    """Everything that both sides compute. `keys` are the public prekeys, `secrets` DH1 … DH4 and SS."""
    front = b"\x02" + len(handshake).to_bytes(2, "big") + handshake
    one_time = keys.get("one_time_prekey", {}).get("public", b"")
    seen = front + dated(keys["signed_prekey"]) + dated(keys["pq_prekey"]) + one_time
    transcript = sha256(b"mepassa/1/pqxdh-transcript", initiator, responder, seen)
    info = b"mepassa/1/pqxdh-X25519-MLKEM768-SHA256" + transcript
    return {
        "front": front,
        "transcript": transcript,
        "root_key": hkdf(b"\xff" * 32 + b"".join(secrets), bytes(32), info, 32),
        "session": sha256(b"mepassa/1/session-id", transcript)[:16],
    } | {f"dh{number}": secret for number, secret in enumerate(secrets[:-1], 1)}


def initiate(
    device_seed: str, peer: str, bundle: str, now: int, ephemeral: str, ciphertext: str, shared_secret: str
) -> Fields:
    seed, responder, private = bytes.fromhex(device_seed), bytes.fromhex(peer), bytes.fromhex(ephemeral)
    keys = read(bytes.fromhex(bundle), responder, now)
    signed = keys["signed_prekey"].get("public", b"")
    secrets = [
        x25519(to_private(seed), signed, "BadBundle"),
        x25519(private, to_public(responder, "BadBundle"), "BadBundle"),
        x25519(private, signed, "BadBundle"),
    ]
    handshake: Fields = {name: keys[name].get("id", 0) for name in KINDS if name in keys}
    if "one_time_prekey" in keys:
        secrets.append(x25519(private, keys["one_time_prekey"].get("public", b""), "BadBundle"))
    try:
        MLKEM768PublicKey.from_public_bytes(keys["pq_prekey"].get("public", b""))
    except ValueError as error:
        raise Refused("BadBundle") from error
    handshake |= {"ephemeral": x25519_public(private), "ciphertext": bytes.fromhex(ciphertext)}
    secrets.append(bytes.fromhex(shared_secret))
    out = derived(ed25519_public(seed), responder, encode("Handshake", handshake), keys, secrets)
    state = ratchet.State(front=out["front"], transcript=out["transcript"], root=out["root_key"], remote=signed)
    return {name: value.hex() for name, value in out.items()} | {"state": state.pack().hex()}


def accept(device_seed: str, peer: str, held: list[Fields], message: str) -> Fields:
    seed, initiator, raw = bytes.fromhex(device_seed), bytes.fromhex(peer), bytes.fromhex(message)
    front = ratchet.cut(raw)[0]
    need(len(front) > 3, "NoSession")
    handshake = decode("Handshake", front[3:], "DecryptFailed")
    keys = named(handshake, held)
    secrets = agreed(seed, initiator, handshake, keys)
    out = derived(initiator, ed25519_public(seed), front[3:], keys, secrets)
    remembered = None
    if keys["pq_prekey"]["kind"] == "last-resort-pq-prekey" and "one_time_prekey" not in keys:
        before = keys["pq_prekey"].get("remembered", [])
        need(out["session"].hex() not in before, "DecryptFailed")
        remembered = [*before, out["session"].hex()][-4096:]
    own = bytes.fromhex(keys["signed_prekey"]["secret"])
    state = ratchet.State(transcript=out["transcript"], root=out["root_key"], own=own)
    plaintext, missing, _ = ratchet.opened(state, {}, raw)
    del out["front"]
    return {name: value.hex() for name, value in out.items()} | {
        "shared_secret": secrets[-1].hex(),
        "plaintext": plaintext.hex(),
        "state": state.pack().hex(),
        "missing": [[reference.hex(), key.hex()] for reference, key in missing],
        "used": sorted(key["id"] for key in keys.values() if key["kind"].startswith("one-time")),
        "remembered": remembered,
    }


def named(handshake: Fields, held: list[Fields]) -> Fields:
    """The prekeys that a handshake names."""
    keys = {}
    for name, kinds in KINDS.items():
        if name != "one_time_prekey" or name in handshake:
            found = [key for key in held if key["id"] == handshake.get(name, 0) and key["kind"] in kinds]
            need(found, "KeyMissing")
            keys[name] = found[0] | {"public": public(found[0]["kind"], bytes.fromhex(found[0]["secret"]))}
    return keys


def agreed(seed: bytes, initiator: bytes, handshake: Fields, keys: Fields) -> list[bytes]:
    """DH1 … DH4 and SS, from the responder's side."""
    ephemeral, signed = handshake.get("ephemeral", b""), bytes.fromhex(keys["signed_prekey"]["secret"])
    secrets = [
        x25519(signed, to_public(initiator, "DecryptFailed"), "DecryptFailed"),
        x25519(to_private(seed), ephemeral, "DecryptFailed"),
        x25519(signed, ephemeral, "DecryptFailed"),
    ]
    if "one_time_prekey" in keys:
        secrets.append(x25519(bytes.fromhex(keys["one_time_prekey"]["secret"]), ephemeral, "DecryptFailed"))
    kem = MLKEM768PrivateKey.from_seed_bytes(bytes.fromhex(keys["pq_prekey"]["secret"]))
    try:
        return [*secrets, kem.decapsulate(handshake.get("ciphertext", b""))]
    except ValueError as error:
        raise Refused("DecryptFailed") from error
