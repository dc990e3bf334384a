"""The libp2p transport keeps the contract of transports, over real TCP."""

from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.plugin import component

from mepassad.testing.transport_contract import TransportContract


class TestLibp2pTransport(TransportContract):
    component = staticmethod(component)

    def config(self) -> Config:
        return Config(listen=("/ip4/127.0.0.1/tcp/0",))
