"""`python -m mepassad.testing.vectors`: writes docs/protocol/vectors.

With `--check`, nothing is written: exits 1 and names the files that would change. With `--renew`, what only the library
can draw is drawn anew.
"""

from __future__ import annotations

import sys

from mepassad.testing.vectors.files import FOLDER, files


def main() -> None:
    """Write what is stale, or with `--check` name it, files included that nothing makes any more."""
    wanted = files(renew="--renew" in sys.argv)
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    gone = [path for path in FOLDER.glob("*.json") if path not in wanted]
    if "--check" in sys.argv:
        if stale or gone:
            sys.exit(f"stale, run `make gen`: {', '.join(path.name for path in stale + gone)}")
        return
    for path in gone:
        path.unlink()
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")


if __name__ == "__main__":
    main()
