"""The files of docs/protocol/vectors as they should be, from the layers and from what was published before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from mepassad.testing.vectors.book import Book, Fields
from mepassad.testing.vectors.cases import (
    content,
    directory,
    handshake,
    identity,
    invites,
    mailbox,
    packets,
    padding,
    prekeys,
    protobuf,
    ratchet,
    safety,
    seal,
)
from mepassad.testing.vectors.drawn import Drawn

FOLDER = Path(__file__).parents[3] / "docs" / "protocol" / "vectors"
VERSION = 1  # of the protocol
MODULES = (
    protobuf,
    identity,
    invites,
    safety,
    prekeys,
    handshake,
    ratchet,
    padding,
    content,
    seal,
    mailbox,
    directory,
    packets,
)
LAYERS: Mapping[str, ModuleType] = {module.__name__.rpartition(".")[2]: module for module in MODULES}  # by file
DRAWN = "drawn"


def files(renew: bool = False) -> dict[Path, str]:
    """Every file's text. `renew`: draw anew what the library draws itself, instead of keeping what is published."""
    path = FOLDER / f"{DRAWN}.json"
    drawn = Drawn({} if renew or not path.exists() else json.loads(path.read_text())["values"])
    documents = {name: _document(module, drawn) for name, module in LAYERS.items()}
    description = (
        "What the library drew itself, so that the other files stay the same; they repeat what they use of it."
    )
    documents[DRAWN] = {"description": description, "version": VERSION, "values": drawn.used}
    return {FOLDER / f"{name}.json": json.dumps(found, indent=1) + "\n" for name, found in documents.items()}


def _document(module: ModuleType, drawn: Drawn) -> Fields:
    book = Book(drawn)
    module.cases(book)
    title = (module.__doc__ or "").split("\n")[0]
    return {"description": title, "version": VERSION, "text": module.TEXT, "groups": book.groups}
