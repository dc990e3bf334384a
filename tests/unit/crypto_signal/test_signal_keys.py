"""The primitives of the plugin `signal`, and what they refuse."""

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from xeddsa import ed25519_pub_to_curve25519_pub

from mepassad.api.crypto import DeviceKey
from mepassad.builtin.crypto_signal import keys
from mepassad.errors import CryptoUnsupported, DecryptFailed
from tests.fixtures.weak_keys import LOW_ORDER_U


@pytest.mark.parametrize("public", LOW_ORDER_U)
def test_a_low_order_key_is_refused(public: bytes) -> None:
    with pytest.raises(ValueError, match="shared key"):
        keys.exchange(bytes(range(32)), public)


def test_an_identity_is_the_same_x25519_key_from_its_seed_and_from_its_public_key() -> None:
    for number in range(50):
        device = DeviceKey(number.to_bytes(32, "big"))
        converted = keys.identity_public(device.public)
        assert converted == keys.x25519_public(keys.identity_private(device.seed()))
        assert converted == ed25519_pub_to_curve25519_pub(device.public)


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(33), bytes([1]) + bytes(31), b"\xff" * 32])
def test_what_is_no_identity_key_is_refused(public: bytes) -> None:
    with pytest.raises(ValueError, match="Ed25519"):
        keys.identity_public(public)


@pytest.mark.parametrize("public", [b"", bytes(1183), bytes(1185), b"\xff" * 1184])
def test_what_is_no_kem_key_is_refused(public: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        keys.kem_encapsulate(public)


def test_an_altered_sealed_text_or_its_associated_data_does_not_open() -> None:
    key = bytes(range(32))
    sealed = keys.seal(key, b"text", b"ad")
    assert keys.unseal(key, sealed, b"ad") == b"text"
    for attempt in ((bytes(32), sealed, b"ad"), (key, sealed[:-1], b"ad"), (key, sealed, b"da"), (key, b"", b"ad")):
        with pytest.raises(DecryptFailed):
            keys.unseal(*attempt)


def test_a_build_without_ml_kem_is_refused_not_worked_around(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise UnsupportedAlgorithm("ML-KEM-768 is not supported by this backend.")

    keys.probe()
    monkeypatch.setattr(
        "cryptography.hazmat.primitives.asymmetric.mlkem.MLKEM768PrivateKey.from_seed_bytes", unsupported
    )
    with pytest.raises(CryptoUnsupported, match="ML-KEM"):
        keys.probe()


def test_a_build_without_aes_gcm_siv_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(_: bytes) -> None:
        raise UnsupportedAlgorithm("AES-GCM-SIV is not supported by this version of OpenSSL")

    monkeypatch.setattr(keys, "AESGCMSIV", unsupported)
    with pytest.raises(CryptoUnsupported, match="AES-GCM-SIV"):
        keys.probe()
