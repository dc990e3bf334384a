"""`mepassa bot`: begin a bot, run it, test it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bot_runs import until
from bots_node import BotsNode
from click.testing import CliRunner, Result
from mepassa.bot.load import load_bot
from mepassa.cli import main
from mepassa.cli.bot import TEMPLATES
from test_sdk_bot_run import program, said
from wire_node import ME

MEPASSA = Path(sys.executable).with_name("mepassa")


@pytest.fixture
def anyio_backend() -> str:
    """The programs have loops of their own."""
    return "asyncio"


def command(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["bot", *map(str, arguments)])


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_bot_passes_its_own_test(tmp_path: Path, template: str) -> None:
    folder = tmp_path / "bots" / "my-bot_2"
    made = command("new", folder, "--template", template)
    assert made.exit_code == 0
    assert f"mepassa bot run {folder}/bot.py" in made.stdout
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "bot.py", "test_bot.py"]
    assert load_bot(str(folder / "bot.py")).name == "my-bot_2"
    assert "NAME" not in "".join(path.read_text() for path in folder.iterdir() if path.is_file())
    tested = subprocess.run([MEPASSA, "bot", "test", folder], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    assert "passed" in tested.stdout


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "bot.py").write_text("mine")
    refused = command("new", tmp_path / "mine")
    assert (refused.exit_code, (tmp_path / "mine" / "bot.py").read_text()) == (1, "mine")
    assert "is there already" in refused.stderr
    (tmp_path / "file").touch()
    assert command("new", tmp_path / "file").exit_code == 1
    assert "cannot be made" in command("new", tmp_path / "file" / "bot").stderr


def test_a_disk_that_is_full_is_told(tmp_path: Path) -> None:
    limited = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limited += "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); from mepassa.cli import main; main()"
    call = [sys.executable, "-B", "-c", limited, "bot", "new", str(tmp_path / "mine")]
    done = subprocess.run(call, stdout=-1, stderr=-1, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, f"Error: {tmp_path / 'mine'} cannot be made: File too large.\n")


@pytest.mark.parametrize("name", ["Shop", "my bot", ".."])
def test_a_name_that_no_bot_may_have_is_wrong_usage(tmp_path: Path, name: str) -> None:
    refused = command("new", tmp_path / name)
    assert refused.exit_code == 2
    assert "1 to 32 characters" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_test_that_fails_is_the_commands_exit_code(tmp_path: Path) -> None:
    (tmp_path / "test_bot.py").write_text("def test_it():\n    assert False\n")
    tested = subprocess.run([MEPASSA, "bot", "test", tmp_path], capture_output=True, text=True, check=False)
    assert tested.returncode == 1
    assert "1 failed" in tested.stdout


def test_what_tests_need_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    refused = command("test", tmp_path)
    assert refused.exit_code == 1
    assert "pip install 'mepassa[test]'" in refused.stderr


def test_a_file_without_a_bot_is_told(tmp_path: Path) -> None:
    refused = command("run", tmp_path / "none.py")
    assert refused.exit_code == 1
    assert "There is no file" in refused.stderr


async def test_a_bot_is_run_from_its_file_or_as_a_module_of_this_folder(
    bots: BotsNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command("new", tmp_path / "shop")
    for number, what in enumerate((str(tmp_path / "shop" / "bot.py"), "shop.bot"), 1):
        bots.say(f"hi {number}")
        async with program(MEPASSA, "--socket", str(bots.path), "--account", ME, "bot", "run", what) as process:
            await until(lambda number=number: len(bots.answers) == number)  # type: ignore[misc]
            process.terminate()
            await said(process)
            assert await process.wait() == 0
    assert bots.texts() == ["hi 1", "hi 2"]
