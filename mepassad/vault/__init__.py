"""Keys at rest: a passphrase seals the keys of the data folder. docs/at-rest.md."""
