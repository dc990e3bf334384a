"""The store plugin `sqlite`: one file, one writer, immutable commits.

The way of a commit: `store.SqliteStore.commit` → `writer` (gathers, hands over a batch when its thread is idle) →
`batches` (one transaction, one fsync) → `plan` (writes become SQL). Reads go another way: `reads`, over aiosqlite.
"""
