-- Rows of one box lie together: their id is box * 2^32 + a number that counts up in that box.

CREATE TABLE boxes (
    id INTEGER PRIMARY KEY,
    number BLOB NOT NULL UNIQUE,
    opened_day INTEGER NOT NULL,         -- Unix days, of the last opening
    next INTEGER NOT NULL DEFAULT 1,     -- the next row of this box
    envelopes INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    blobs INTEGER NOT NULL DEFAULT 0,
    blob_bytes INTEGER NOT NULL DEFAULT 0,  -- with the last resort
    last_resort BLOB NOT NULL DEFAULT x''
) STRICT;

CREATE INDEX boxes_by_day ON boxes (opened_day);

CREATE TABLE envelopes (
    id INTEGER PRIMARY KEY,
    box INTEGER NOT NULL,
    size INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,         -- Unix seconds
    hash BLOB NOT NULL,
    sealed BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX envelopes_by_hash ON envelopes (box, hash);
CREATE INDEX envelopes_by_expiry ON envelopes (expires_at);

CREATE TABLE blobs (
    id INTEGER PRIMARY KEY,
    blob BLOB NOT NULL
) STRICT;

CREATE TABLE records (
    key BLOB PRIMARY KEY,
    version INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,         -- Unix seconds
    value BLOB NOT NULL
) STRICT;

CREATE INDEX records_by_expiry ON records (expires_at);
