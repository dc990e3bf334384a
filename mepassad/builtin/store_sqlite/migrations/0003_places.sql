-- Where a contact's mailboxes are, and the keys to what lies there.

ALTER TABLE contact ADD COLUMN places BLOB NOT NULL DEFAULT x'';
