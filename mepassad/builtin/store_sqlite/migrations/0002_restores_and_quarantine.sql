
-- Where a contact's restored account is found, which invites are codes to be shown in person, and packets that wait
-- for those before them.

ALTER TABLE contact ADD COLUMN directory BLOB NOT NULL DEFAULT x'';
ALTER TABLE invite ADD COLUMN in_person INTEGER NOT NULL DEFAULT 0;

CREATE TABLE quarantine (
    account TEXT NOT NULL,
    packet  BLOB NOT NULL,
    contact TEXT NOT NULL,
    session BLOB NOT NULL,
    raw     BLOB NOT NULL,
    at      INTEGER NOT NULL,
    UNIQUE (account, packet)
) STRICT;
