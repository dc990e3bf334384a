"""Brings the gettext catalogues up to date with the sentences in the code, and compiles them.

New sentences are added without a translation, those that are gone are dropped, translations are kept.
With `--check`, nothing is written: exits 1 and names the files that would change.
"""

from __future__ import annotations

import ast
import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from mepassad.api.permissions import PERMISSIONS
from mepassad.cli.i18n import DOMAIN, LOCALE, help_sentences
from mepassad.cli.main import cli

EPOCH = datetime.fromtimestamp(0, UTC)
PACKAGE = Path(__file__).parents[1] / "mepassad"


def sentences() -> list[str]:
    """Every sentence that the command prints through `_("…")`, the help of its commands, and what plugins may."""
    found = {*help_sentences(cli), *(permission.words for permission in PERMISSIONS.values())}
    for path in PACKAGE.rglob("*.py"):
        found.update(_marked(ast.parse(path.read_text(encoding="utf-8"))))
    return sorted(found)


def files(language: Path) -> dict[Path, bytes]:
    """A language's source and compiled catalogue, as they should be."""
    source = language / "LC_MESSAGES" / f"{DOMAIN}.po"
    catalog = read_po(io.BytesIO(source.read_bytes()), locale=language.name, ignore_obsolete=True)
    fresh = Catalog(locale=language.name, domain=DOMAIN, header_comment="")
    for sentence in sentences():
        old = catalog.get(sentence)
        fresh.add(sentence, string=old.string if old else "")
    po, mo = io.BytesIO(), io.BytesIO()
    # The header that babel makes has the date of today in it; of it only the character set matters.
    po.write(b'msgid ""\nmsgstr ""\n"Language: %s\\n"\n' % language.name.encode())
    po.write(b'"Content-Type: text/plain; charset=UTF-8\\n"\n\n')
    write_po(po, fresh, omit_header=True, width=110)
    compiled = read_po(io.BytesIO(po.getvalue()), locale=language.name)
    compiled.creation_date = compiled.revision_date = EPOCH
    write_mo(mo, compiled)
    return {source: po.getvalue().rstrip() + b"\n", source.with_suffix(".mo"): mo.getvalue()}


def main() -> None:
    """Write what is stale, or with `--check` name it."""
    wanted = {path: data for language in sorted(LOCALE.iterdir()) for path, data in files(language).items()}
    stale = [path for path, data in wanted.items() if not path.exists() or path.read_bytes() != data]
    if "--check" in sys.argv and stale:
        sys.exit(f"stale, run `make gen`: {', '.join(str(path.relative_to(PACKAGE.parent)) for path in stale)}")
    for path in stale:
        path.write_bytes(wanted[path])


def _marked(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
            yield from (arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))


if __name__ == "__main__":
    main()
