"""Padding: sizes at every edge, and what is refused."""

from __future__ import annotations

from mepassad.testing.vectors.book import Book
from mepassad.testing.vectors.ours import padding as ours
from mepassad.wire.padding import MAX_PADDED

TEXT = "padding.md"


def cases(book: Book) -> None:
    """Everything that is published of this layer."""
    for of, classes in ours.SIZES.items():
        for fixed in classes:
            book.add(ours.size, f"{of}: the most that fits {fixed}", size=fixed - 1, of=of)
        book.add(ours.size, f"{of}: one more than that", size=classes[-1], of=of)
    book.add(ours.size, "nothing", size=0, of="content")
    for size in (69_631, 69_632, 100_000, 131_070, 131_071, 131_072, 262_143, 262_144, 1_015_807, 1_015_808):
        book.add(ours.size, f"by Padmé: {size}", size=size, of="content")
    for of in ours.SIZES:
        book.add(ours.size, f"{of}: the most that there is", size=MAX_PADDED - 1, of=of)
        book.add(ours.size, f"{of}: one too many", size=MAX_PADDED, of=of)
    book.add(ours.pad, "a text", plaintext=b"bom dia".hex(), of="content")
    book.add(ours.pad, "bytes that look like padding", plaintext="8000", of="packet")
    for case, padded, zeros in [
        ("a text", b"bom dia\x80".hex(), 248),
        ("nothing", "80", 0),
        ("bytes that look like padding", "800080", 10),
        ("a size that is no class", b"bom dia\x80".hex(), 3),
        ("the largest", "80", MAX_PADDED - 1),
        ("larger than that", "80", MAX_PADDED),
        ("zeros only", "", 256),
        ("empty", "", 0),
        ("another mark", b"bom dia\x81".hex(), 248),
        ("something behind the zeros", b"bom dia\x80\0\x01".hex(), 0),
    ]:
        book.add(ours.unpad, case, padded=padded, zeros=zeros)
