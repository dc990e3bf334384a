"""The plugin `signal` keeps the contract of a crypto engine."""

import pytest

from mepassad.api.crypto import Crypto
from mepassad.builtin.crypto_signal.plugin import Signal
from mepassad.testing.crypto_contract import CryptoContract


class TestSignal(CryptoContract):
    @pytest.fixture
    def engine(self) -> Crypto:
        return Signal()
