"""How two nodes prove their keys to each other: signatures inside TLS 1.3, bound to its certificate.

The certificate is of a key made at the start of the node and says nothing: it is signed by nobody. The listener signs
its hash with the node's key, and so says that this end of TLS is its own; a man in the middle has another certificate.
The dialler signs the same hash and fresh random bytes of the listener, and so says that it is there, now, and for whom.
"""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import os
import ssl
import tempfile
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from mepassad.api import OtherNode, Secret, Unreachable
from mepassad.api.node_id import node_id_from_key
from mepassad.api.types import NodeId

LISTENER = b"mepassad-transport-unix/1 listener"
DIALLER = b"mepassad-transport-unix/1 dialler"
KEY, CHALLENGE, SIGNATURE = 32, 32, 64
TIMEOUT = 5.0
"""Seconds that a handshake may take."""

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter


class Keys:
    """This node's key, and the two ends of TLS that it can be."""

    def __init__(self, seed: Secret, folder: Path) -> None:
        """`folder`: where the key of the certificate lies for a moment, because `ssl` reads keys from files only."""
        self._key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()
        self.node = node_id_from_key(self.public)
        self.dialling = _context(ssl.PROTOCOL_TLS_CLIENT)
        self.listening = _context(ssl.PROTOCOL_TLS_SERVER)
        certificate, key = _certificate()
        self._hash = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as file:  # 0600
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.write(certificate.public_bytes(Encoding.PEM))
            file.flush()
            self.listening.load_cert_chain(file.name)

    async def greet(self, reader: Reader, writer: Writer, peer: NodeId, protocol: str) -> None:
        """The dialler's part: make sure that `peer` answers, then say who we are and ask for `protocol`.

        Raises `Unreachable`, `OtherNode`, OSError, EOFError.
        """
        key, signature, challenge = [await reader.readexactly(size) for size in (KEY, SIGNATURE, CHALLENGE)]
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        bound = hashlib.sha256(certificate).digest()
        _verify(key, signature, LISTENER + bound)
        if (other := node_id_from_key(key)) != peer:  # it learns nothing of us
            raise OtherNode(f"The node {other} answers where {peer} was expected.", node=other)
        writer.write(self.public + self._key.sign(DIALLER + bound + challenge) + _packed(protocol))
        if await reader.readexactly(1) != b"\1":
            raise Unreachable("The other node refuses this connection.")

    async def welcome(self, reader: Reader, writer: Writer) -> tuple[NodeId, str]:
        """The listener's part: who dials, and which protocol they want. The caller then answers 1, or ends it.

        Raises `Unreachable`, OSError, EOFError, ValueError.
        """
        challenge = os.urandom(CHALLENGE)
        writer.write(self.public + self._key.sign(LISTENER + self._hash) + challenge)
        key, signature = await reader.readexactly(KEY), await reader.readexactly(SIGNATURE)
        _verify(key, signature, DIALLER + self._hash + challenge)
        size = int.from_bytes(await reader.readexactly(1), "big")
        return node_id_from_key(key), (await reader.readexactly(size)).decode()


def _verify(key: bytes, signature: bytes, signed: bytes) -> None:
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        raise Unreachable("The other end did not prove its key.") from None


def _context(purpose: int) -> ssl.SSLContext:
    """TLS 1.3 that asks for no certificate authority: the handshake above says who is there."""
    context = ssl.SSLContext(purpose)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _certificate() -> tuple[x509.Certificate, ed25519.Ed25519PrivateKey]:
    key, name = ed25519.Ed25519PrivateKey.generate(), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    start, end = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2020, 2100))
    return builder.not_valid_before(start).not_valid_after(end).sign(key, None), key


def _packed(protocol: str) -> bytes:
    data = protocol.encode()
    return len(data).to_bytes(1, "big") + data
