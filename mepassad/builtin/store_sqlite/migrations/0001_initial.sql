-- One table a noun, each row with its account; columns are named and ordered as the fields of `mepassad.api.types`.
-- Every `seq` is given by the writer, not by SQLite: a number must not come again when the row that had it is gone.

CREATE TABLE account (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    kind        TEXT NOT NULL,
    device      BLOB NOT NULL,
    device_list BLOB NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE contact (
    account      TEXT NOT NULL,
    id           TEXT NOT NULL,
    conversation TEXT NOT NULL,
    state        TEXT NOT NULL,
    name         TEXT NOT NULL,
    petname      TEXT NOT NULL,
    kind         TEXT NOT NULL,
    blocked      INTEGER NOT NULL,
    verified     INTEGER NOT NULL,
    device_list  BLOB NOT NULL,
    number       BLOB NOT NULL,
    their_number BLOB NOT NULL,
    nodes        TEXT NOT NULL, -- JSON: node id → addresses
    invite       TEXT NOT NULL,
    reason       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (account, id)
) STRICT;

-- A conversation is not kept beside its contact: its unread count and last message are read from these indexes.
CREATE UNIQUE INDEX contact_conversation ON contact (account, conversation);

CREATE TABLE message (
    account      TEXT NOT NULL,
    id           TEXT NOT NULL,
    conversation TEXT NOT NULL,
    contact      TEXT NOT NULL,
    incoming     INTEGER NOT NULL,
    content_id   BLOB NOT NULL,
    kind         INTEGER NOT NULL,
    text         TEXT NOT NULL,
    reply_to     TEXT NOT NULL,
    time_ms      INTEGER NOT NULL,
    sort_ms      INTEGER NOT NULL,
    state        TEXT NOT NULL,
    route        TEXT NOT NULL,
    reason       TEXT NOT NULL,
    request_id   TEXT NOT NULL,
    seq          INTEGER PRIMARY KEY,
    UNIQUE (account, id)
) STRICT;

CREATE INDEX message_place ON message (account, conversation, sort_ms);
CREATE INDEX message_unread ON message (account, conversation, sort_ms) WHERE incoming = 1 AND state = 'received';
CREATE UNIQUE INDEX message_request ON message (account, request_id) WHERE request_id <> '';

-- Words without accents and case. Ranking is not used (search answers newest first), so no sizes are kept.
CREATE VIRTUAL TABLE message_text USING fts5 (
    text, content = 'message', content_rowid = 'seq', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
);

-- Messages up to this number are in the index; the writer adds the others a moment later, many at once.
CREATE TABLE message_text_mark (seq INTEGER NOT NULL) STRICT;
INSERT INTO message_text_mark (seq) VALUES (0);

CREATE TRIGGER message_dropped AFTER DELETE ON message WHEN old.seq <= (SELECT seq FROM message_text_mark) BEGIN
    INSERT INTO message_text (message_text, rowid, text) VALUES ('delete', old.seq, old.text);
END;

CREATE TABLE outgoing (
    account    TEXT NOT NULL,
    id         BLOB NOT NULL,
    contact    TEXT NOT NULL,
    device     BLOB NOT NULL,
    message    TEXT NOT NULL,
    packet     BLOB NOT NULL,
    state      TEXT NOT NULL,
    attempts   INTEGER NOT NULL,
    next_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    seq        INTEGER PRIMARY KEY,
    UNIQUE (account, id)
) STRICT;

CREATE INDEX outgoing_contact ON outgoing (account, contact);
CREATE INDEX outgoing_message ON outgoing (account, message) WHERE message <> '';
CREATE INDEX outgoing_expiry ON outgoing (expires_at) WHERE expires_at > 0;

CREATE TABLE session (
    account TEXT NOT NULL,
    id      BLOB NOT NULL,
    contact TEXT NOT NULL,
    device  BLOB NOT NULL,
    state   BLOB NOT NULL,
    version INTEGER NOT NULL,
    used_ms INTEGER NOT NULL,
    PRIMARY KEY (account, id)
) STRICT;

CREATE TABLE skipped (
    account   TEXT NOT NULL,
    session   BLOB NOT NULL,
    reference BLOB NOT NULL,
    key       BLOB NOT NULL,
    seq       INTEGER PRIMARY KEY, -- the oldest first
    UNIQUE (account, session, reference)
) STRICT;

CREATE TABLE private_key (
    account    TEXT NOT NULL,
    id         INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    secret     BLOB NOT NULL,
    public     BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER NOT NULL,
    given_at   INTEGER NOT NULL,
    PRIMARY KEY (account, id)
) STRICT;

CREATE TABLE invite (
    account    TEXT NOT NULL,
    number     BLOB NOT NULL,
    secret     BLOB NOT NULL,
    uses_left  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account, number)
) STRICT;

CREATE TABLE seen (
    account TEXT NOT NULL,
    packet  BLOB NOT NULL,
    at      INTEGER NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (account, packet)
) STRICT, WITHOUT ROWID;

CREATE INDEX seen_at ON seen (at);

CREATE TABLE receipt (
    account TEXT NOT NULL,
    contact TEXT NOT NULL,
    message TEXT NOT NULL,
    kind    TEXT NOT NULL,
    PRIMARY KEY (account, contact, message, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    seq     INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    topic   TEXT NOT NULL,
    object  TEXT NOT NULL,
    at_ms   INTEGER NOT NULL
) STRICT;

CREATE TABLE setting (
    account TEXT NOT NULL,
    key     TEXT NOT NULL,
    value   BLOB NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE plugin_state (
    plugin TEXT NOT NULL,
    key    TEXT NOT NULL,
    value  BLOB NOT NULL,
    PRIMARY KEY (plugin, key)
) STRICT, WITHOUT ROWID;
