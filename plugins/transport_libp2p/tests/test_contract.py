"""The libp2p transport keeps the contract of transports, over each carrier, on real sockets."""

from pathlib import Path

import pytest
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.plugin import component

from mepassad.testing.certificates import Files, make_files
from mepassad.testing.transport_contract import TransportContract


class OverLoopback(TransportContract):
    component = staticmethod(component)
    listen: str

    def config(self) -> Config:
        return Config(listen=(self.listen,))


class TestTCP(OverLoopback):
    listen = "/ip4/127.0.0.1/tcp/0"


class TestQUIC(OverLoopback):
    listen = "/ip4/127.0.0.1/udp/0/quic-v1"


class TestWebSocket(OverLoopback):
    listen = "/ip4/127.0.0.1/tcp/0/ws"


class TestTLSWebSocket(OverLoopback):
    listen = "/ip4/127.0.0.1/tcp/0/tls/ws"

    @pytest.fixture(autouse=True)
    def files(self, tmp_path: Path) -> Files:
        self.made = make_files(tmp_path)
        return self.made

    def config(self) -> Config:
        return Config(listen=(self.listen,), **self.made.settings())
