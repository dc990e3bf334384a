"""The certificates of libp2p's TLS: who a peer is by the one it showed, and our own (libp2p specs, tls/tls.md)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID
from libp2p.crypto.keys import KeyPair, PublicKey
from libp2p.peer.id import ID
from libp2p.security.exceptions import HandshakeFailure
from libp2p.security.tls.certificate import generate_certificate, verify_certificate_chain


class OtherPeer(HandshakeFailure):
    """Another peer than the expected one proved its key. `found` is who."""

    def __init__(self, found: ID) -> None:
        super().__init__("another peer answered")
        self.found = found


def own_certificate(keys: KeyPair) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    """A fresh certificate that names our peer id, and its key, which lives in memory only."""
    certificate, key = generate_certificate(keys.private_key, _template())
    loaded = load_pem_private_key(key.encode(), None)
    assert isinstance(loaded, EllipticCurvePrivateKey)  # noqa: S101 the library makes no other
    return x509.load_pem_x509_certificate(certificate.encode()), loaded


def _template() -> x509.CertificateBuilder:
    """A certificate with no extension of its own: js-libp2p looks for libp2p's in the first place only."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "libp2p")])
    begin = datetime.now(UTC) - timedelta(hours=1)  # for those whose clock is behind
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=365 * 100))
        .subject_name(name)
        .issuer_name(name)
    )


def peer_of(shown: Sequence[x509.Certificate], expected: ID | None = None) -> tuple[ID, PublicKey]:
    """Who showed these certificates, and its key. TLS itself has checked that it holds the certificate's key.

    Raises HandshakeFailure, `OtherPeer` where it is not `expected`.
    """
    try:
        key = verify_certificate_chain(list(shown))
        peer = ID.from_pubkey(key)
    except Exception as error:
        raise HandshakeFailure("no certificate of a libp2p peer") from error
    if expected is not None and peer != expected:
        raise OtherPeer(peer)
    return peer, key
