"""mepassad's transport over libp2p: TCP, QUIC and WebSocket, Noise or TLS, Yamux."""
