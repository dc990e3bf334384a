"""Bots that config.yaml names."""
