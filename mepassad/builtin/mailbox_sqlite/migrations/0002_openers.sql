-- Who opened a box, as a tag: so that boxes of one client are counted together, and the file alone names nobody.

ALTER TABLE boxes ADD COLUMN opener BLOB NOT NULL DEFAULT x'';

CREATE TABLE salt (
    salt BLOB NOT NULL
) STRICT;

INSERT INTO salt VALUES (randomblob(32));
