"""Certificates of the web, for TLS WebSocket: which we show, read anew when renewed, and whose we trust."""

from __future__ import annotations

import os
import ssl
import stat
from functools import cached_property
from pathlib import Path

from mepassad.api import AddressRefused
from mepassad.api.context import Log
from mepassad_transport_libp2p.config import Config


class WebCertificates:
    """The certificates that the configuration names."""

    def __init__(self, config: Config, log: Log) -> None:
        """Raises `AddressRefused` where a file cannot be used."""
        self._log = log
        self._authorities = config.tls_authorities
        self._files = (config.tls_certificate, config.tls_key)
        self._seen = self._state()
        self._context = self._own()
        if self._authorities is not None:
            _ = self.trusted

    @cached_property
    def trusted(self) -> ssl.SSLContext:
        """Verifies whom we dial: by the authorities of the system, and by the configured ones too."""
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._authorities is not None:
            try:
                context.load_verify_locations(self._authorities)
            except (OSError, ssl.SSLError) as error:
                raise AddressRefused(
                    f"tls_authorities: {self._authorities} {_reason(error, 'no certificate in PEM')}."
                ) from None
        return context

    def shown(self) -> ssl.SSLContext:
        """Shows ours. Files that were renewed are read anew; while they are wrong, what was read before stays."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                self._context = self._own()
            except AddressRefused as refused:
                self._log.warning("the renewed certificate cannot be used", reason=refused.sentence)
        return self._context

    def _own(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        certificate, key = self._files
        if certificate is not None and key is not None:
            check_private(key)
            try:
                context.load_cert_chain(certificate, key, password=lambda: b"")
            except (OSError, ssl.SSLError, ValueError) as error:
                raise AddressRefused(f"tls_certificate: {certificate} with {key} {_reason(error)}.") from None
        return context

    def _state(self) -> tuple[int, ...]:
        """What changes when a file is renewed; of one that is missing, nothing."""
        return tuple(path.stat().st_mtime_ns if path is not None and path.exists() else 0 for path in self._files)


def check_private(key: Path) -> None:
    """Raise `AddressRefused` unless the file is our own and only ours."""
    try:
        found = key.stat()
    except OSError as error:
        raise AddressRefused(f"tls_key: {key} {_reason(error)}.") from None
    if found.st_uid != os.geteuid():
        raise AddressRefused(f"tls_key: {key} belongs to another user; it must be yours.")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise AddressRefused(f"tls_key: {key} can be read by others; run: chmod 600 {key}")


def _reason(error: Exception, wrong: str = "no certificate and key, in PEM and without a passphrase, that fit") -> str:
    """What a user can do something about."""
    if isinstance(error, ssl.SSLError) or not isinstance(error, OSError):
        return f"cannot be used: {wrong}"
    return f"cannot be read ({error.strerror})"
