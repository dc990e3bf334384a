"""libp2p for mepassad."""
