"""What carries connections, and what secures and divides them: the carriers and the upgrader of a host."""

from __future__ import annotations

from collections.abc import Callable

from libp2p.abc import ITransport
from libp2p.crypto.keys import KeyPair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.peer.id import ID
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as Noise
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.transport.upgrader import TransportUpgrader

from mepassad.api.context import Log
from mepassad_transport_libp2p.compat.pings import SparingYamux
from mepassad_transport_libp2p.compat.quic.transport import LastingQUIC
from mepassad_transport_libp2p.compat.tcp import WatchfulTCP
from mepassad_transport_libp2p.compat.tls import PROTOCOL_ID as TLS
from mepassad_transport_libp2p.compat.tls import LastingTLS
from mepassad_transport_libp2p.compat.turns import QuickUpgrader
from mepassad_transport_libp2p.compat.websocket_transport import LastingWebSocket
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.web_certificates import WebCertificates

Admit = Callable[[ID, int], None]


def carriers(keys: KeyPair, config: Config, log: Log, admit: Admit) -> list[ITransport]:
    """TCP, QUIC and WebSocket. A peer without an answer is given up after `dead_peer_timeout`, later where metered.

    `admit` is asked before bytes of a peer are kept.
    """
    patience = config.dead_peer_timeout * config.slowness
    return [
        WatchfulTCP(patience),
        LastingQUIC(keys, config, patience, admit),
        LastingWebSocket(patience, WebCertificates(config, log)),
    ]


def upgrader(keys: KeyPair, admit: Admit) -> TransportUpgrader:
    """Noise, else TLS, then Yamux: these alone are offered, where the library would offer plaintext and SecIO too.

    `admit` is asked before bytes of a peer are taken in.
    """
    noise = Noise(keys, noise_privkey=create_noise_key_pair().private_key)
    return QuickUpgrader({NOISE: noise, TLS: LastingTLS(keys)}, {TProtocol(YAMUX): SparingYamux}, admit)
