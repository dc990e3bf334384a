"""Cure: QUIC of py-libp2p cannot be lived with, so this is our own, over aioquic, which py-libp2p uses too.

Stock 0.8.1 fails to reconnect to a peer it has just left, keeps every connection that a listener ever had in its
registry, takes all that a peer sends into memory however slowly it is read, polls, and knows no limits on newcomers.
Not needed once `QUICTransport` does none of that.
"""
