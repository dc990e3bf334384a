"""Rows as tuples and back: columns are named and ordered as the fields of `mepassad.api.types`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from mepassad.api.types import Contact, Invite, Message, Row, Session

R = TypeVar("R", bound=Row)

as_values: Callable[[Any], tuple[Any, ...]] = msgspec.structs.astuple


def select(row_type: type[Row], rest: str) -> str:
    """The SELECT of a row type's columns; `rest` begins with FROM and names its table first."""
    table = rest.split()[1]
    return f"SELECT {', '.join(f'{table}.{name}' for name in row_type.__struct_fields__)} {rest}"


def insert(table: str, row_type: type[Row]) -> str:
    """The INSERT for `as_values` of a row."""
    names = row_type.__struct_fields__
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - names from our own types


def upsert(table: str, row_type: type[Row], keys: Sequence[str]) -> str:
    """The INSERT that replaces the row with the same keys."""
    changed = ", ".join(f"{name} = excluded.{name}" for name in row_type.__struct_fields__ if name not in keys)
    return f"{insert(table, row_type)} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changed}"


def contact_values(row: Contact) -> tuple[Any, ...]:
    """A contact's values; its nodes as JSON."""
    return as_values(msgspec.structs.replace(row, nodes=msgspec.json.encode(row.nodes).decode()))


_decode_nodes = msgspec.json.Decoder(dict[str, list[str]]).decode

_FROM_SQL: dict[type[Row], dict[str, Callable[[Any], Any]]] = {
    Contact: {"blocked": bool, "verified": bool, "nodes": _decode_nodes},
    Invite: {"in_person": bool},
    Message: {"incoming": bool},
    Session: {"heard": bool},
}


def from_values(row_type: type[R], values: Sequence[Any]) -> R:
    """A row of values in the order of `select`."""
    fields: dict[str, Any] = dict(zip(row_type.__struct_fields__, values, strict=True))
    for name, convert in _FROM_SQL.get(row_type, {}).items():
        fields[name] = convert(fields[name])
    return row_type(**fields)
