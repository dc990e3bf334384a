"""Protobuf: what all readers must agree on, where the same bytes could be read in two ways."""

from __future__ import annotations

from mepassad.testing.vectors.book import Book
from mepassad.testing.vectors.ours import protobuf as ours

TEXT = "README.md"
DEEP = 100
CONTENTS = {
    "nothing": "",
    "fields out of order": "2007 1801 0a0141",
    "an unknown varint, 8 bytes, bytes, 4 bytes": "a80601 b1060102030405060708 ba060141 bd0601020304 1801",
    "an unknown group with fields in it, and one in that": "ab06 0801 0b 0c ac06 1801",
    "a known field of another wire type": "0801 1801",
    "a field that comes again: the last counts": "0a0141 0a0142",
    "and it is the default": "1801 1800",
    "a message that comes again is merged": "3202 0805 3203 120107 3202 0806",
    "a message that is there and empty": "3200",
    "repeated fields are appended": "4a03 0a0141 4a03 0a0142 4a03 120143",
    "of a oneof, the last counts": "820103 0a0141 8a0102 0801",
    "of a oneof, the same again is merged": "820103 0a0141 820100",
    "a varint that is longer than it need be": "1881808000",
    "a varint of 10 bytes": "1881808080808080808000",
    "a varint of 11 bytes": "188180808080808080808000",
    "bits above 32 of a uint32": "18ffffffff7f",
    "bits above 64": "20ffffffffffffffffff7f",
    "the largest uint64": "20ffffffffffffffffff01",
    "a bool of 2": "8a0102 0802",
    "a bool whose low 32 bits are 0": "8a0106 088080808010",
    "a tag of 5 bytes that need not be": "988080800005",
    "a tag of 6 bytes": "98808080800005",
    "the largest field number": "f8ffffff0f05",
    "the field number above that": "808080801005",
    "field number 0": "0001",
    "wire type 6": "0e00",
    "wire type 7": "0f00",
    "a length that is cut off": "0a",
    "bytes that are cut off": "0a0541",
    "a varint that is cut off": "1880",
    "a group that does not end": "ab06 0801",
    "a group that ends as another": "ab06 b406",
    "a group that did not begin": "ac06 00",
    "an empty group where bytes are known": "0b0c",
    "text in UTF-8": "820106 0a04f09f9880",
    "text that is not UTF-8": "820103 0a01ff",
    "text with a surrogate": "820105 0a03eda080",
    "text with an overlong form": "820104 0a02c080",
    "text with a zero": "820103 0a0100",
    "bytes that are no UTF-8 are bytes": "0a01ff",
    f"groups {DEEP} deep": "ab06" * DEEP + "ac06" * DEEP,
    f"groups {DEEP - 1} deep in a message": "328c03" + "ab06" * (DEEP - 1) + "ac06" * (DEEP - 1),
    f"groups {DEEP} deep in a message": "329003" + "ab06" * DEEP + "ac06" * DEEP,
    f"groups {DEEP + 1} deep": "ab06" * (DEEP + 1) + "ac06" * (DEEP + 1),
}
"""What a reader is given as a `Content`, in hex, by what is special about it."""


def cases(book: Book) -> None:
    """Everything that is published of this layer."""
    for case, raw in CONTENTS.items():
        book.add(ours.read, case, message="Content", raw=raw.replace(" ", ""))
    for case, raw in {
        "a negative sfixed64": "19ffffffffffffffff",
        "an optional field that is there and 0": "290000000000000000",
        "a field that is 0": "190000000000000000",
    }.items():
        book.add(ours.read, case, message="Handshake", raw=raw)
    book.add(ours.read, "a negative int64", message="SignedPrekey", raw="10ffffffffffffffffff01")
