"""mepassad's transport over libp2p: TCP, Noise, Yamux."""
