"""The tables of the mailbox, step by step."""
