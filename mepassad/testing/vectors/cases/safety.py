"""Safety numbers: of two accounts, and what somebody types to compare."""

from __future__ import annotations

from mepassad.testing.vectors.book import Book
from mepassad.testing.vectors.ours import safety as ours
from mepassad.testing.vectors.people import ANA, BIA
from mepassad.wire.ids import account_id

TEXT = "safety.md"
ONE, OTHER = account_id(b"\x01" * 32), account_id(b"\x02" * 32)
# libsignal's own vectors (rust/protocol/src/fingerprint.rs): keys as it serialises them, telephone numbers.
LIBSIGNAL = {
    "Alice of libsignal": ("0506863bc66d02b40d27b8d49ca7c09e9239236f9d7d25d6fcca5ce13c7064d868", "+14152222222"),
    "Bob of libsignal": ("05f781b6fb32fed9ba1cf2de978d4d5da28dc34046ae814402b5c0dbd96fda907b", "+14153333333"),
}


def cases(book: Book) -> None:
    """Everything that is published of this layer."""
    for case, (key, name) in LIBSIGNAL.items():
        book.add(ours.half, case, key=key, name=name)
    number = _numbers(book)
    _typed(book, number)


def _numbers(book: Book) -> str:
    ana, bia = account_id(ANA.key), account_id(BIA.key)
    number = book.add(ours.number, "the two of the text", one=ONE, other=OTHER)["number"]
    for case, (one, other) in {
        "the other way round": (OTHER, ONE),
        "Ana and Bia": (ana, bia),
        "Ana and one of the text": (ana, ONE),
        "an id in upper case: what is hashed is in lower case": (ana.upper(), bia),
        "a character altered": (ONE, OTHER[:-1] + "q"),
        "mixed case": (ONE, OTHER[:-1] + OTHER[-1].upper()),
        "a key of 31 bytes": (ONE, account_id(bytes(31))),
        "no account": (ONE, ""),
    }.items():
        book.add(ours.number, case, one=one, other=other)
    return str(number)


def _typed(book: Book, number: str) -> None:
    groups = [number[at : at + 5] for at in range(0, 60, 5)]
    for case, text in {
        "as it is": number,
        "in groups": " ".join(groups),
        "with white space of all kinds": f"\n{number[:7]}\u00a0\t{number[7:40]}\u3000\r\n{number[40:]} ",
        "another digit": ("2" if number[0] == "1" else "1") + number[1:],
        "the halves the other way round": number[30:] + number[:30],
        "59 digits": number[:-1],
        "61 digits": number + "0",
        "half of it": number[:30],
        "nothing": "",
        "digits that are not ASCII": "\u0661" + number[1:],
        "with hyphens": "-".join(groups),
    }.items():
        book.add(ours.typed, case, number=number, text=text)
