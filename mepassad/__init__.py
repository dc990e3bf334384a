"""mepassad: a node daemon for hybrid peer-to-peer messaging."""

__version__ = "0.1.0"
API_VERSION = 1
