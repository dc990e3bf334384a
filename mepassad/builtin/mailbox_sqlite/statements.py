"""The SQL of the mailbox."""

from __future__ import annotations

BOX = "SELECT id, next, envelopes, bytes, blobs, blob_bytes, opener FROM boxes WHERE number = ?"
HOLDS = "SELECT number FROM boxes WHERE number IN ({})"  # as many ? as there are numbers
SALT = "SELECT salt FROM salt"
TOTALS = """
SELECT opener, count(*), sum(envelopes), sum(blobs), sum(bytes + blob_bytes) FROM boxes GROUP BY opener
"""
RECORD_TOTALS = "SELECT count(*), coalesce(sum(length(value)), 0) FROM records"

OPEN_NEW = "INSERT INTO boxes (number, opened_day, opener) VALUES (?, ?, ?)"
OPEN_AGAIN = "UPDATE boxes SET opened_day = ?, opener = ? WHERE id = ? AND (opened_day, opener) <> (?, ?)"
DELETE_BOX = "DELETE FROM boxes WHERE id = ?"
DELETE_ENVELOPES = "DELETE FROM envelopes WHERE id BETWEEN ? AND ?"
DELETE_BLOBS = "DELETE FROM blobs WHERE id BETWEEN ? AND ?"

PUT = "INSERT OR IGNORE INTO envelopes (id, box, size, expires_at, hash, sealed) VALUES (?, ?, ?, ?, ?, ?)"
LIES_THERE = "SELECT 1 FROM envelopes WHERE box = ? AND hash = ?"
COUNT_PUT = "UPDATE boxes SET next = next + 1, envelopes = envelopes + 1, bytes = bytes + ? WHERE id = ?"
ACK = "DELETE FROM envelopes WHERE box = ? AND hash = ? RETURNING size"
COUNT_EXPIRED = "UPDATE boxes SET envelopes = envelopes - ?, bytes = bytes - ? WHERE id = ? RETURNING opener"
COUNT_GONE = "UPDATE boxes SET envelopes = envelopes - ?, bytes = bytes - ? WHERE id = ?"

# Of a box, those after a cursor that begin below so many bytes; the sizes are looked at before any body is read. One
# statement, since a box that is opened meanwhile may have the id of one that was closed. An open box gives one row at
# least, without an envelope if there is none.
FETCH = """
WITH box AS (SELECT id << 32 AS first FROM boxes WHERE number = ?),
near AS (
    SELECT id, sum(size) OVER (ORDER BY id) - size AS before FROM envelopes
    WHERE id > (SELECT first FROM box) + ? AND id <= (SELECT first FROM box) + ? ORDER BY id LIMIT ?
)
SELECT envelopes.id - first, envelopes.hash, envelopes.sealed, envelopes.expires_at
FROM box LEFT JOIN near ON before < ? LEFT JOIN envelopes ON envelopes.id = near.id ORDER BY near.id
"""

EXPIRED = "SELECT id, box, size FROM envelopes WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"
DELETE_ENVELOPE = "DELETE FROM envelopes WHERE id = ?"
IDLE = "SELECT number FROM boxes WHERE opened_day < ? LIMIT ?"

PUT_BLOB = "INSERT INTO blobs (id, blob) VALUES (?, ?)"
OLDEST_BLOB = "SELECT id, blob FROM blobs WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1"
DELETE_BLOB = "DELETE FROM blobs WHERE id = ?"
LAST_RESORT = "SELECT last_resort FROM boxes WHERE id = ?"
COUNT_BLOBS = "UPDATE boxes SET next = ?, blobs = ?, blob_bytes = ?, last_resort = ? WHERE id = ?"
COUNT_TAKEN = "UPDATE boxes SET blobs = blobs - 1, blob_bytes = blob_bytes - ? WHERE id = ?"

RECORD = "SELECT value, version, expires_at FROM records WHERE key = ?"
KEEP_RECORD = """
INSERT INTO records (key, version, expires_at, value) VALUES (?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET version = excluded.version, expires_at = excluded.expires_at, value = excluded.value
"""
EXPIRED_RECORDS = (
    "DELETE FROM records WHERE key IN (SELECT key FROM records WHERE expires_at <= ? LIMIT ?) RETURNING length(value)"
)
