-- Which packets lie in which mailboxes, which sessions the other side has answered in, and how a message came.

CREATE TABLE deposit (
    account TEXT NOT NULL,
    packet  BLOB NOT NULL,
    node    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (account, packet, node)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER outgoing_dropped AFTER DELETE ON outgoing BEGIN
    DELETE FROM deposit WHERE account = old.account AND packet = old.id;
END;

ALTER TABLE session ADD COLUMN heard INTEGER NOT NULL DEFAULT 1;
ALTER TABLE message ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN latency_ms INTEGER NOT NULL DEFAULT 0;
