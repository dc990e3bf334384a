"""Lines and tables on standard output."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

import click

from mepassa.text import width


def echo_line(line: str) -> None:
    """Print a line at once, so that a reader at the other end of a pipe has it."""
    click.echo(line)


def echo_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of cells: in columns on a terminal, with tabs between them in a pipe; empty ends are left out."""
    widest = [max(map(width, column)) for column in zip(*rows, strict=True)] if sys.stdout.isatty() else []
    for row in rows:
        if widest:
            padded = (cell + " " * (most - width(cell)) for cell, most in zip(row, widest, strict=True))
            echo_line("  ".join(padded).rstrip())
        else:
            echo_line("\t".join(row).rstrip("\t"))


def columns() -> int | None:
    """How wide the terminal is that standard output goes to; None where it goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
