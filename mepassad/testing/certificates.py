"""Certificates of the web for tests: an authority of our own, and what it signs."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

START = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
END = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)


@dataclass
class Files:
    """Where a certificate, its key and its authority lie."""

    certificate: Path
    key: Path
    authorities: Path

    def settings(self) -> dict[str, Path]:
        return {"tls_certificate": self.certificate, "tls_key": self.key, "tls_authorities": self.authorities}


def make_files(folder: Path, *names: str) -> Files:
    """A certificate for loopback and `names`, with its key, and the authority that signed it."""
    authority, root = ec.generate_private_key(ec.SECP256R1()), x509.BasicConstraints(ca=True, path_length=0)
    key = ec.generate_private_key(ec.SECP256R1())
    signed = _certificate("authority", "node", key.public_key(), authority, x509.BasicConstraints(False, None), *names)
    own = _certificate("authority", "authority", authority.public_key(), authority, root)
    files = Files(folder / "node.pem", folder / "node.key", folder / "authority.pem")
    files.certificate.write_bytes(signed.public_bytes(Encoding.PEM))
    files.authorities.write_bytes(own.public_bytes(Encoding.PEM))
    files.key.touch(mode=0o600)
    files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def _certificate(
    issuer: str,
    subject: str,
    key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    constraints: x509.BasicConstraints,
    *names: str,
) -> x509.Certificate:
    loopback = [x509.IPAddress(ipaddress.ip_address(host)) for host in ("127.0.0.1", "::1")]
    hosts = [*loopback, *map(x509.DNSName, names)]
    builder = x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(issuer)).public_key(key)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(START).not_valid_after(END)
    builder = builder.add_extension(constraints, critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return builder.add_extension(signed_by, critical=False).sign(signer, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
