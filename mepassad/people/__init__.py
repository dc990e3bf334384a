"""What a person has: accounts, contacts, conversations."""
