"""The engine of the tests, `olm`, keeps the contract too: nothing in it is true of `signal` alone."""

import pytest

from mepassad.api.crypto import Crypto
from mepassad.testing.crypto_contract import CryptoContract
from tests.fixtures.crypto_olm import Olm


class TestOlm(CryptoContract):
    @pytest.fixture
    def engine(self) -> Crypto:
        return Olm()
