"""The contract of transports, kept by the experiment with iroh? python -m pytest --no-cov bench/contract_iroh.py"""

from __future__ import annotations

from bench.iroh_transport import component
from mepassad.testing.transport_contract import TransportContract


class TestIrohTransport(TransportContract):
    """The suite, over iroh on loopback."""

    component = staticmethod(component)

    def config(self) -> None:
        """It has none."""
