"""The store plugin `sqlite`: one file, one writer, immutable commits."""
