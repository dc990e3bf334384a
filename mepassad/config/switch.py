"""Turns a plugin on or off in a configuration file: whole or not at all, and everything else stays as it was."""

from __future__ import annotations

import os
import tempfile
from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from mepassad.config import edit
from mepassad.config.load import read
from mepassad.config.tree import MAX_BYTES, parse_file
from mepassad.errors import ConfigError
from mepassad.i18n import _

Values = dict[str, Any]


def enable(path: Path, plugin: str, permissions: Sequence[str]) -> bool:
    """Name a plugin in the file's `plugins`, and these permissions in its `permissions`. Whether anything changed.

    Raises `ConfigError`: the file is not readable, not writable, wrong, or so written that a change is not safe.
    """

    def change(text: str) -> str:
        text = edit.add(text, ["plugins"], [plugin])
        return edit.add(text, ["permissions", plugin], permissions) if permissions else text

    def wanted(values: Values) -> None:
        _extend(values, "plugins", [plugin])
        if permissions:
            values["permissions"] = values.get("permissions") or {}
            _extend(values["permissions"], plugin, permissions)

    return _change(path, change, wanted, by_hand(plugin, permissions))


def disable(path: Path, plugin: str) -> bool:
    """Take a plugin out of the file's `plugins` and `permissions`. Whether anything changed. Raises as `enable`."""

    def change(text: str) -> str:
        for section in ("plugins", "permissions"):
            if (parse_file(text, str(path)).plain() or {}).get(section):
                text = edit.remove(text, [section], plugin)
        return text

    def wanted(values: Values) -> None:
        if plugin in (values.get("plugins") or ()):
            values["plugins"].remove(plugin)
        if values.get("permissions"):
            values["permissions"].pop(plugin, None)

    return _change(path, change, wanted, _("take {plugin} out of `plugins` and `permissions`").format(plugin=plugin))


def by_hand(plugin: str, permissions: Sequence[str]) -> str:
    """What to write in a configuration to turn a plugin on."""
    lines = ["plugins:", f"  - {plugin}"]
    if permissions:
        lines += ["permissions:", f"  {plugin}: [{', '.join(permissions)}]"]
    return _("write") + "\n\n" + "\n".join(lines)


def _extend(values: Values, key: str, words: Sequence[str]) -> None:
    values[key] = list(values.get(key) or [])
    values[key] += [word for word in words if word not in values[key]]


def _change(path: Path, change: Callable[[str], str], want: Callable[[Values], None], advice: str) -> bool:
    old = read(path)
    values: Any = parse_file(old, str(path)).plain()
    values = {} if values is None else values
    try:
        want(values)
        new = change(old)
        right = parse_file(new, str(path)).plain() == values
    except (edit.CannotEdit, yaml.YAMLError, ConfigError, AttributeError, TypeError, ValueError):
        right = False
    if not right:
        raise ConfigError(
            f"{path}: "
            + _("this file is written in a way that cannot be changed safely; {advice}").format(advice=advice)
        )
    if len(new.encode()) > MAX_BYTES:
        raise ConfigError(
            f"{path}: "
            + _("with that the configuration would be larger than {size} KiB").format(size=MAX_BYTES // 1024)
        )
    if new != old:
        if read(path) != old:
            raise ConfigError(f"{path}: " + _("somebody else changed this file just now; try again"))
        _replace(path.resolve(), new)
    return new != old


def _replace(path: Path, text: str) -> None:
    """Put another text in a file's place, with the same mode and owner: there is always one of them, whole."""
    try:
        with path.open("r+b") as old:  # to replace a file takes no right to write it: ask for that
            bom, was = old.read(3) == BOM_UTF8, os.fstat(old.fileno())
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from None
    new = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8-sig" if bom else "utf-8", newline="") as file:
            with suppress(PermissionError):
                os.fchown(descriptor, was.st_uid, was.st_gid)
            os.fchmod(descriptor, was.st_mode & 0o7777)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        new.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        new.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path}: " + _("the configuration cannot be written: {reason}").format(reason=error.strerror))
