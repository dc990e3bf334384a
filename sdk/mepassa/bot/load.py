"""Finding the bot of a file or an installed module."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import itertools
import os
import sys
import traceback
from collections.abc import Iterable
from contextvars import ContextVar
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from mepassa.bot.bot import Bot
from mepassa.bot.errors import BotNotLoaded

_numbers = itertools.count(1)

loading: ContextVar[bool] = ContextVar("loading", default=False)
"""Whether a bot's file is being read: it may not run its bot then."""


def load_bot(spec: str) -> Bot:
    """The one bot of a file, `path/to/bot.py`, or of an installed module, `package.module`.

    A file is read anew each time, under a name of its own, so that two files of one name are two bots. What lies
    beside it may be imported from it, also as `from . import …`. Raises `BotNotLoaded`.
    """
    path = Path(spec)
    token = loading.set(True)
    try:
        return _the_bot(_read_file(path) if _is_file(spec) else _import(spec), spec)
    finally:
        loading.reset(token)


def _is_file(spec: str) -> bool:
    return spec.endswith(".py") or "/" in spec or "" in spec.split(".") or _exists(Path(spec))


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no file can have such a name, or nobody may look
        return False


def _read_file(path: Path) -> ModuleType:
    if not _exists(path):
        raise BotNotLoaded(_folder(path) if os.path.isdir(path) else f"There is no file {path}.")
    path = path.resolve()
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # at the end: nothing that is installed may be hidden by a bot's file
    _check_imports(path)
    package = ModuleType(f"_mepassa_bot_{next(_numbers)}")
    package.__path__ = [str(path.parent)]
    package.__spec__ = ModuleSpec(package.__name__, None, is_package=True)
    sys.modules[package.__name__] = package
    name = f"{package.__name__}.{path.stem}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise BotNotLoaded(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(specification)
    before = set(sys.modules)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise BotNotLoaded(_complaint(path, error)) from error
    _check_twin(path, sys.modules.keys() - before - {name})
    return module


def _check_twin(path: Path, imported: Iterable[str]) -> None:
    """Raise `BotNotLoaded` where what the file imports has imported the file: its handlers are on another bot."""
    for name in imported:
        if getattr(sys.modules[name], "__file__", None) == str(path):
            raise BotNotLoaded(
                f"What {path} imports, imports it again as `{name}`, and that makes a second bot: "
                "register handlers of other files on a `Router`, and include that."
            )


def _folder(path: Path) -> str:
    return f"{path} is a folder; name the file of a bot in it, such as {path / 'bot.py'}."


def _check_imports(path: Path) -> None:
    """Raise `BotNotLoaded` where `import x` in the file would find another `x` than the one beside it."""
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError, OSError):
        return  # it is told when the file is read
    for name in {alias.name.partition(".")[0] for node in ast.walk(tree) for alias in _imported(node)}:
        beside = [one for one in (path.with_name(f"{name}.py"), path.with_name(name) / "__init__.py") if one.is_file()]
        found = importlib.util.find_spec(name) if beside else None
        if found is not None and found.origin not in [str(one) for one in beside]:
            raise BotNotLoaded(f"`import {name}` in {path} finds {found.origin}, not {beside[0]}: rename that.")


def _imported(node: ast.AST) -> list[ast.alias]:
    if isinstance(node, ast.Import):
        return node.names
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [ast.alias(node.module)]
    return []


def _import(name: str) -> ModuleType:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise BotNotLoaded(f"There is no module {name}, and no file of that name.") from None
        raise BotNotLoaded(_complaint(None, error)) from error
    except (Exception, SystemExit) as error:
        raise BotNotLoaded(_complaint(None, error)) from error
    if getattr(module, "__file__", name) is None:
        raise BotNotLoaded(_folder(Path(*name.split("."))))
    return module


def _complaint(path: Path | None, error: BaseException) -> str:
    """What failed, and the line of the bot's file, or else the last one."""
    if isinstance(error, SyntaxError):
        return f"{error.filename or path}, line {error.lineno or 1}: {error.msg}."
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if path is not None and Path(frame.filename) == path]
    frame = (own or list(frames))[-1]
    return f"{frame.filename}, line {frame.lineno}: {type(error).__name__}: {error}"


def _the_bot(module: ModuleType, spec: str) -> Bot:
    found = {id(value): value for value in vars(module).values() if isinstance(value, Bot)}
    if not found:
        raise BotNotLoaded(f'There is no bot in {spec}: it needs a line such as `bot = Bot("name")`.')
    if len(found) > 1:
        names = ", ".join(sorted(bot.name for bot in found.values()))
        raise BotNotLoaded(f"There are several bots in {spec} ({names}); a file has one.")
    return next(iter(found.values()))
