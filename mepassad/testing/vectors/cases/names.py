"""Names that people choose, of the layer identity: what is shown of them."""

from __future__ import annotations

from mepassad.testing.vectors.book import Book
from mepassad.testing.vectors.ours import identity as ours


def names(book: Book) -> None:
    """Add names with what each rule takes out, folds or cuts."""
    for case, text in {
        "as it is": "Ana Luísa",
        "composed": "Jose\u0301",
        "composed once a character is out": "e\u200b\u0301",
        "of which a font shows nothing": "\u3164\u115f\u034fA\ufe0fn\U000e0061a\u2065",
        "a blank that is no white space": "\u2800Ana\U0001d159B\u2800",
        "marks at the beginning of a word": "\u0300\u0489 \u0301Ana",
        "marks piled up": "a" + "\u0336" * 9 + "b\u0336",
        "four marks stay, of five the last goes": "a" + "\u0336" * 4 + " b" + "\u0336" * 5,
        "marks of all three categories are counted together": "\u0915\u0902\u093e\u0488\u0336\u0903x",
        "an accent that is composed is no mark any more": "e\u0301" + "\u0336" * 5,
        "a mark behind a blank": "Ana \u2800\u0301 \u00a0\u20ddB",
        "marks beyond the 64th character": "x" * 63 + "a" + "\u0336" * 4,
        "directions": "\u202egro.elpmaxe\u202c",
        "tabs and line ends are taken out, not folded": "Ana\tB\r\nC\u2028D",
        "white space of all kinds is folded": "\u3000 Ana\u00a0\u2003 B ",
        "zero width": "A\u200bn\u200da\ufeff",
        "private use": "\ue000Ana\U000f0000",
        "not assigned": "Ana\u0378",
        "64 characters and more": "x" * 63 + " yz",
        "65 characters, beyond 16 bits": "\U0001f600" * 65,
        "nothing is left": " \u200e\u200f",
    }.items():
        book.add(ours.name, case, text=text)
