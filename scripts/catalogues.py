"""Brings the gettext catalogues up to date with the sentences in the code, and compiles them.

There is one catalogue a command: `mepassad` and `mepassa`. In it are the command's own sentences, click's, and for
`mepassa` those of the node's errors. New sentences are added without a translation, or with the one that the other
command has; those that are gone are dropped, translations are kept.
With `--check`, nothing is written: exits 1 and names the files that would change.
"""

from __future__ import annotations

import ast
import io
import json
import sys
from collections.abc import Iterator, Sequence, Set
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click
import mepassa.cli
import mepassa.cli.i18n
import mepassa.locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

import mepassad.cli.i18n
import mepassad.cli.main
import mepassad.i18n
from mepassad.api.permissions import PERMISSIONS
from mepassad.delivery.passes import NOT_NAMED, NOT_TAKEN
from mepassad.errors import MailboxBusy, MailboxFull, MailboxNotAdmitted, StreamClosed

EPOCH = datetime.fromtimestamp(0, UTC)
ROOT = Path(__file__).parents[1]
CLICK = Path(click.__file__).parent
HIDDEN = {"required"}  # a sentence of click's that its code translates from a variable
MAILBOXES = {  # why a mailbox does not serve this node
    NOT_NAMED,
    NOT_TAKEN,
    *(error().sentence for error in (MailboxBusy, MailboxFull, MailboxNotAdmitted, StreamClosed)),
}
REASONS = {  # what the node says of messages and calls beside the sentences of its errors
    "The contact was not reached before the message expired.",
    "The other node does not take packets of this size.",
    "This token acts for another account.",
    *MAILBOXES,
    "`reply_to` names no message of this account.",
}

Sentence = str | tuple[str, str]
"""A sentence, or its singular and plural."""


class Command(NamedTuple):
    """A command, and where its catalogues are."""

    domain: str
    locale: Path
    package: Path
    sentences: Set[Sentence]

    def sources(self) -> list[Path]:
        """The source of the catalogue of each language."""
        return sorted(self.locale.glob(f"*/LC_MESSAGES/{self.domain}.po"))

    def all(self) -> Sequence[Sentence]:
        """Every sentence of the catalogue, sorted."""
        found = {*self.sentences, *marked(self.package), *marked(CLICK), *HIDDEN}
        return sorted(found, key=lambda sentence: sentence if isinstance(sentence, str) else sentence[0])


def errors() -> set[Sentence]:
    """The sentences of all errors that the node answers calls with."""
    document = json.loads((ROOT / "docs" / "openrpc.json").read_text(encoding="utf-8"))
    named = [
        *document["components"]["errors"].values(),
        *(error for one in document["methods"] for error in one["errors"]),
    ]
    return {error["message"] for error in named}


COMMANDS = (
    Command(
        mepassad.i18n.DOMAIN,
        mepassad.i18n.LOCALE,
        ROOT / "mepassad",
        {text for _owner, _name, text in mepassad.cli.i18n.help_texts(mepassad.cli.main.cli)}
        | {permission.words for permission in PERMISSIONS.values()}
        | MAILBOXES,
    ),
    Command(
        mepassa.locale.DOMAIN,
        mepassa.locale.LOCALE,
        ROOT / "sdk" / "mepassa",
        {text for _owner, _name, text in mepassa.cli.i18n.help_texts(mepassa.cli.main)} | errors() | REASONS,
    ),
)


def marked(package: Path) -> Iterator[Sentence]:
    """Every sentence in the code of a package that is written `_("…")` or `ngettext("…", "…", number)`."""
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            match node.func.id, node.args:
                case "_", [ast.Constant(value=str(sentence))]:
                    yield sentence
                case "ngettext", [ast.Constant(value=str(one)), ast.Constant(value=str(many)), _]:
                    yield one, many


def files(command: Command, source: Path) -> dict[Path, bytes]:
    """A language's source and compiled catalogue, as they should be."""
    language = source.parents[1].name
    known = [_read(other, language) for other in (source, *_elsewhere(command, language))]
    fresh = Catalog(locale=language, domain=command.domain, header_comment="")
    for sentence in command.all():
        messages = (catalog.get(sentence) for catalog in known)
        fresh.add(sentence, string=next((one.string for one in messages if one and one.string and any(one.string)), ""))
    po, mo = io.BytesIO(), io.BytesIO()
    # The header that babel makes has the date of today in it; of it only the character set and the plural matter.
    po.write(f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n'.encode())
    po.write(b'"Content-Type: text/plain; charset=UTF-8\\n"\n')
    po.write(f'"Plural-Forms: {fresh.plural_forms}\\n"\n\n'.encode())
    write_po(po, fresh, omit_header=True, width=110)
    compiled = _read(io.BytesIO(po.getvalue()), language)
    compiled.creation_date = compiled.revision_date = EPOCH
    write_mo(mo, compiled)
    return {source: po.getvalue().rstrip() + b"\n", source.with_suffix(".mo"): mo.getvalue()}


def main() -> None:
    """Write what is stale, or with `--check` name it."""
    wanted: dict[Path, bytes] = {}
    for command in COMMANDS:
        for source in command.sources():
            wanted |= files(command, source)
    stale = [path for path, data in wanted.items() if not path.exists() or path.read_bytes() != data]
    if "--check" in sys.argv and stale:
        sys.exit(f"stale, run `make gen`: {', '.join(str(path.relative_to(ROOT)) for path in stale)}")
    for path in stale:
        path.write_bytes(wanted[path])


def _elsewhere(command: Command, language: str) -> list[Path]:
    """The sources of the same language for the other commands."""
    return [
        one for other in COMMANDS if other is not command for one in other.sources() if one.parents[1].name == language
    ]


def _read(source: Path | io.BytesIO, language: str) -> Catalog:
    data = source.read_bytes() if isinstance(source, Path) else source.getvalue()
    return read_po(io.BytesIO(data), locale=language, ignore_obsolete=True)


if __name__ == "__main__":
    main()
