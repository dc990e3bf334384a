"""Every label of this plugin: one key, one use, so each signature, hash and derivation starts from its own words.

docs/protocol/prekeys.md, handshake.md and ratchet.md list them; a test holds that no label is the beginning of another.
"""

SIGNED_PREKEY = b"mepassa/1/signed-prekey"  # signature over a signed prekey
PQ_PREKEY = b"mepassa/1/pq-prekey"  # signature over a one-time or last-resort ML-KEM prekey
TRANSCRIPT = b"mepassa/1/pqxdh-transcript"  # hash of all that both sides of a handshake saw
SESSION_ID = b"mepassa/1/session-id"  # hash that names a session
ROOT_KEY = b"mepassa/1/pqxdh-X25519-MLKEM768-SHA256"  # HKDF from the handshake's secrets to the first root key
DH_TURN = b"mepassa/1/ratchet-turn"  # HKDF from root key and DH output to the next root key and chain key
MESSAGE_KEY = b"mepassa/1/ratchet-message"  # HKDF from a message key to an AEAD key and nonce
