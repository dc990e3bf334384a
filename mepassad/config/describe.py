"""Tells what keys a section has: type, bounds, default and description, for listings and for tests of the docs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from mepassad.config.check import fields, struct_type


class KeyInfo(msgspec.Struct, frozen=True):
    """One key of config.yaml. `key` is dotted; `default` is a plain value."""

    key: str
    type: str
    default: Any
    description: str


def describe_keys(kind: type[msgspec.Struct], prefix: str = "") -> list[KeyInfo]:
    """All keys of a section and of those inside it, in the order in which they are declared."""
    found: list[KeyInfo] = []
    section = kind()
    for field in fields(kind):
        key = f"{prefix}.{field.encode_name}" if prefix else field.encode_name
        if inner := struct_type(field.type):
            found += describe_keys(inner, key)
            continue
        type_ = inspect.type_info(field.type)
        description = ""
        if isinstance(type_, inspect.Metadata):
            description = (type_.extra_json_schema or {}).get("description", "")
        found.append(KeyInfo(key, _words(type_), plain(getattr(section, field.name)), description))
    return found


def plain(value: Any) -> Any:
    """A key's value as JSON can hold it."""
    return msgspec.to_builtins(value, enc_hook=str)


def _words(type_: inspect.Type) -> str:
    if isinstance(type_, inspect.Metadata):
        return _words(type_.type)
    if isinstance(type_, inspect.LiteralType):
        return " | ".join(map(str, type_.values))
    if isinstance(type_, inspect.UnionType):
        return " or ".join(_words(each) for each in type_.types)
    if isinstance(type_, inspect.VarTupleType | inspect.ListType):
        return f"list of {_words(type_.item_type)}"
    if isinstance(type_, inspect.DictType):
        return f"{_words(type_.value_type)} by name"
    if isinstance(type_, inspect.CustomType) and type_.cls is Path:
        return "path"
    names = {
        inspect.StrType: "text",
        inspect.IntType: "whole number",
        inspect.FloatType: "number",
        inspect.BoolType: "true | false",
        inspect.NoneType: "nothing",
        inspect.StructType: "section",
    }
    return names.get(type(type_), type(type_).__name__.removesuffix("Type").lower()) + _bounds(type_)


def _bounds(type_: inspect.Type) -> str:
    if not isinstance(type_, inspect.IntType | inspect.FloatType):
        return ""
    signs = {">": type_.gt, "≥": type_.ge, "<": type_.lt, "≤": type_.le}
    shown = [f"{sign} {bound:,}".replace(",", " ") for sign, bound in signs.items() if bound is not None]
    return f" ({', '.join(shown)})" if shown else ""
