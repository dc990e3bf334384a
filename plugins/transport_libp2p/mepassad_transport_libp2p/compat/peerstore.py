"""Cure: the peer store forgot the node's own key when 1,000 strangers had passed, and the host died.

Stock 0.8.1 evicts entries without addresses first, and our own has none; it keeps strangers that left until then. Not
needed once it spares the local peer, and forgets a peer that left and of which no address is known.
"""

from __future__ import annotations

from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore


class LastingPeerStore(PeerStore):
    """A peer store that never evicts `own`, and keeps no stranger that left."""

    def __init__(self, own: ID) -> None:
        super().__init__()
        self._own = own

    def _enforce_peer_limit(self) -> None:
        ours = self.peer_data_map.pop(self._own, None)
        super()._enforce_peer_limit()
        if ours is not None:
            self.peer_data_map[self._own] = ours

    def _cleanup_expired_records(self) -> None:
        ours = self.peer_data_map.pop(self._own, None)
        super()._cleanup_expired_records()
        if ours is not None:
            self.peer_data_map[self._own] = ours

    def forget_stranger(self, peer: ID) -> None:
        """Forget a peer that left, unless it is known where it can be dialled."""
        known = self.peer_data_map.get(peer)
        if known is not None and peer != self._own and (known.is_expired() or not known.get_addrs()):
            self.clear_peerdata(peer)
