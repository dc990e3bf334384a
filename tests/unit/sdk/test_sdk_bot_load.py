"""Bots of files and modules: found, kept apart, and why not, in a sentence."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bot_runs import ROOT
from mepassa.bot import BotNotLoaded
from mepassa.bot.load import load_bot

BOT = 'from mepassa import Bot\n\nbot = Bot("{name}")\n'


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """What a test imports from its folders is forgotten."""
    modules, path = set(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - modules:
        if "mepassa" not in name.split(".")[0] or name.startswith("_mepassa_bot"):
            del sys.modules[name]
    sys.path[:] = path
    importlib.invalidate_caches()


def written(folder: Path, **files: str) -> str:
    """Files in a folder; the path of its `bot.py`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return str(folder / "bot.py")


def complaint(spec: str) -> str:
    with pytest.raises(BotNotLoaded) as caught:
        load_bot(spec)
    return str(caught.value)


def test_two_files_of_one_name_are_two_bots_and_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    one = written(tmp_path / "one", bot=BOT.format(name="one"))
    two = written(tmp_path / "two", bot=BOT.format(name="two"))
    assert [load_bot(one).name, load_bot(two).name] == ["one", "two"]
    assert load_bot(one) is not load_bot(one)


def test_what_lies_beside_a_file_can_be_imported_both_ways(tmp_path: Path) -> None:
    relative = "from mepassa import Bot\nfrom . import names_a\nfrom .names_a import NAME\nbot = Bot(NAME)\n"
    plain = "import names_b\nfrom mepassa import Bot\nbot = Bot(names_b.NAME)\n"
    one = written(tmp_path / "one", bot=relative, names_a='NAME = "one"\n')
    two = written(tmp_path / "two", bot=relative, names_a='NAME = "two"\n')
    three = written(tmp_path / "three", bot=plain, names_b='NAME = "three"\n')
    assert [load_bot(path).name for path in (one, two, three)] == ["one", "two", "three"]


def test_a_neighbour_that_another_module_hides_is_told(tmp_path: Path) -> None:
    plain = "import names_c\nfrom mepassa import Bot\nbot = Bot(names_c.NAME)\n"
    one = written(tmp_path / "one", bot=plain, names_c='NAME = "one"\n')
    two = written(tmp_path / "two", bot=plain, names_c='NAME = "two"\n')
    assert load_bot(one).name == "one"
    said = complaint(two)
    assert "import names_c" in said
    assert str(tmp_path / "one" / "names_c.py") in said
    assert "json.py" in complaint(written(tmp_path / "three", bot="import json\n", json=""))


def test_a_module_that_is_installed_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "shop_bots", __init__="", sales=BOT.format(name="sales"))
    monkeypatch.syspath_prepend(tmp_path)
    assert load_bot("shop_bots.sales").name == "sales"


@pytest.mark.parametrize("spec", ["no_such_module", "json.no_such_module", "no such module"])
def test_a_module_that_is_not_there_is_told(spec: str) -> None:
    assert "There is no module" in complaint(spec)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert complaint(str(tmp_path / "none.py")) == f"There is no file {tmp_path / 'none.py'}."
    assert complaint(f"{tmp_path}/none") == f"There is no file {tmp_path / 'none'}."
    (tmp_path / "bot.txt").write_text("")
    assert "is not a Python file" in complaint(str(tmp_path / "bot.txt"))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import json\n\nx = undefined\n", "bot.py, line 3: NameError: name 'undefined' is not defined"),
        ("def f(:\n", "bot.py, line 1: invalid syntax"),
        ("x = '\0'\n", "null byte"),
        ("\nimport no_such_thing\n", "bot.py, line 2: ModuleNotFoundError: No module named 'no_such_thing'"),
        ("import json\n\n\njson.loads('{')\n", "bot.py, line 4: JSONDecodeError"),
        ("from mepassa import Bot\n\nBot('A')\n", "bot.py, line 3: InvalidBot: A bot's name"),
        ("from mepassa import Bot\n\nbot = Bot('a')\nbot.run()\n", '`if __name__ == "__main__":`'),
        ("x = 1\n", "There is no bot in"),
        (BOT.format(name="a") + 'other = Bot("b")\n', "several bots"),
    ],
)
def test_a_file_without_one_bot_is_told_with_the_line_at_fault(tmp_path: Path, source: str, said: str) -> None:
    assert said in complaint(written(tmp_path, bot=source))


def test_a_bot_with_two_names_in_its_file_is_one_bot(tmp_path: Path) -> None:
    assert load_bot(written(tmp_path, bot=BOT.format(name="a") + "same = bot\n")).name == "a"


def test_the_examples_are_bots_of_less_than_60_lines() -> None:
    for path in (ROOT / "examples" / "bots").glob("*.py"):
        load_bot(str(path))
        assert len(path.read_text().splitlines()) < 60


def test_a_file_that_ends_the_program_is_told_and_ends_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, bot="import sys\nsys.exit(3)\n")
    assert complaint(path) == f"{path}, line 2: SystemExit: 3"


def test_a_file_that_is_imported_by_what_it_imports_is_told(tmp_path: Path) -> None:
    written(tmp_path, a_circle=BOT.format(name="one") + "import half_a_circle\n", half_a_circle="import a_circle\n")
    assert "imports it again as `a_circle`, and that makes a second bot" in complaint(str(tmp_path / "a_circle.py"))


def test_a_folder_is_told_apart_from_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "mine", bot=BOT.format(name="one"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert complaint("mine") == "mine is a folder; name the file of a bot in it, such as mine/bot.py."
    assert complaint(str(tmp_path)).startswith(f"{tmp_path} is a folder;")


@pytest.mark.parametrize("name", ["", ".", "nosuch.", ".hidden", "x" * 5000, "sys", "/"])
def test_odd_names_are_no_bots(name: str) -> None:
    assert complaint(name)


def test_a_file_may_import_the_program_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    assert load_bot(written(tmp_path, bot="import __main__\n" + BOT.format(name="one"))).name == "one"
