"""The mailbox plugin `mailbox_sqlite`: one SQLite file of its own, one writer.

The way of a deposit: `mailbox.SqliteMailbox.put` → the store's `group` (gathers, hands over a batch when its thread is
idle) → `shelf` (one transaction, one fsync). What is fetched goes another way, over reading connections.
"""
