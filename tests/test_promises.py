"""What the project promises: hooks, methods, events, errors, keys and labels are documented and tested, and no less."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

from mepassad import errors
from mepassad.api import hookspecs
from mepassad.api.events import TOPICS
from mepassad.api.permissions import PERMISSIONS
from mepassad.config.describe import describe_keys
from mepassad.config.model import Config
from mepassad.errors import MepassaError
from mepassad.rpc.methods import ALL
from mepassad.wire import messages_pb2
from mepassad.wire.packets import Reason

ROOT = Path(__file__).parents[1]
TESTS = [
    path
    for folder in (ROOT / "tests", ROOT / "mepassad" / "testing", *ROOT.glob("plugins/*/tests"))
    for path in folder.rglob("*.py")
    if path != Path(__file__)
]
PROTOCOL = {path.name: path.read_text() for path in (ROOT / "docs" / "protocol").glob("*.md")}

BY_ANOTHER_NAME = {"events.lagged": "the tests of subscriptions add up the signals that it says were dropped"}


@pytest.fixture(scope="module")
def tests() -> str:
    """The text of all tests."""
    return "\n".join(path.read_text() for path in TESTS)


def document(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


# -- hooks


def hooks() -> list[str]:
    return [name for name, found in vars(hookspecs).items() if inspect.isfunction(found) and "_" in name]


def signature(name: str) -> str:
    """A hook's first line as the source has it, whatever lines it is written on."""
    tree = ast.parse(inspect.getsource(getattr(hookspecs, name)))
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return f"def {name}({ast.unparse(function.args)}) -> {ast.unparse(function.returns or ast.Constant(None))}:"


def test_there_are_the_hooks_that_the_architecture_names() -> None:
    provided = {"crypto", "store", "mailbox", "blobs", "transport", "directory", "relay", "push", "media", "filter"}
    assert set(hooks()) >= {f"provide_{noun}" for noun in provided} | {
        "register_config",
        "register_methods",
        "register_commands",
    }


@pytest.mark.parametrize("name", hooks())
def test_a_hook_is_documented_with_its_signature_and_used_in_a_test(name: str, tests: str) -> None:
    text = document("hooks.md")
    assert f"## {name}\n" in text
    assert signature(name) in text
    assert re.search(rf"\b{name}\b", tests), "no test uses it"


def test_a_hook_takes_one_permission_and_the_document_says_which() -> None:
    opened = [hook for permission in PERMISSIONS.values() for hook in permission.hooks]
    assert sorted([*opened, "register_config"]) == sorted(hooks())
    for permission in PERMISSIONS.values():
        used = ", ".join(f"`{hook}`" for hook in permission.hooks) or "`PluginContext.node_key`"
        assert f"| `{permission.name}` | {permission.words} | {used} |" in document("hooks.md")


# -- RPC


@pytest.mark.parametrize("name", sorted(one.name for one in ALL))
def test_a_method_is_documented_and_called_in_a_test(name: str, tests: str) -> None:
    assert f"### {name}\n" in document("rpc.md")
    assert f'"{name}"' in tests


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_an_event_is_documented_and_expected_in_a_test(topic: str, tests: str) -> None:
    assert f"`{topic}`" in document("rpc.md") or f"### {topic}\n" in document("rpc.md")
    assert topic in BY_ANOTHER_NAME or re.search(rf"\b{re.escape(topic)}\b", tests), "no test expects it"


def test_every_error_that_a_method_declares_is_beside_it() -> None:
    sections = re.split(r"\n### ", document("rpc.md"))
    for one in ALL:
        (section,) = [section for section in sections if section.startswith(f"{one.name}\n")]
        for error in one.errors:
            assert f"{error.code} `{error.__name__}`" in section, one.name


# -- errors


def areas() -> dict[str, ModuleType]:
    modules = {info.name: importlib.import_module(f"mepassad.errors.{info.name}") for info in _modules()}
    return {name: module for name, module in modules.items() if name != "base"}


def _modules() -> list[pkgutil.ModuleInfo]:
    return list(pkgutil.iter_modules(errors.__path__))


def errors_of(module: ModuleType) -> list[type[MepassaError]]:
    classes = [found for _, found in inspect.getmembers(module, inspect.isclass) if issubclass(found, MepassaError)]
    return [found for found in classes if found.__module__ == module.__name__]


EVERY = [error for module in areas().values() for error in errors_of(module)]


def test_a_code_belongs_to_one_error() -> None:
    codes = [error.code for error in EVERY]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("area", areas())
def test_the_codes_of_an_area_are_in_its_hundred(area: str) -> None:
    module = areas()[area]
    least, most = (-32700, -32600) if area == "rpc" else _range(module)
    for error in errors_of(module):
        assert least <= error.code <= most, error


def _range(module: ModuleType) -> tuple[int, int]:
    found = re.search(r"(\d+) to (\d+)\.$", (module.__doc__ or "").strip().split("\n")[0])
    assert found, "the docstring names the codes"
    least, most = int(found[1]), int(found[2])
    assert (least % 100, most) == (0, least + 99)
    return least, most


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.__name__)
def test_an_error_is_documented_and_met_in_a_test(error: type[MepassaError], tests: str) -> None:
    assert f"| {error.code} | `{error.__name__}` | {error().sentence} |" in document("errors.md")
    assert error.__name__ in errors.__all__
    assert re.search(rf"\b{error.__name__}\b", tests), f"no test meets {error.__name__}"


def test_the_document_of_errors_names_none_that_is_gone() -> None:
    assert set(re.findall(r"^\| -?\d+ \| `(\w+)`", document("errors.md"), re.MULTILINE)) == {
        error.__name__ for error in EVERY
    }


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.__name__)
def test_an_error_is_one_sentence_for_a_person(error: type[MepassaError]) -> None:
    sentence = error().sentence
    assert re.fullmatch(r"[A-Z`].*\.", sentence), sentence
    assert "\n" not in sentence


# -- configuration


def test_every_key_of_the_core_has_a_description_that_is_a_sentence() -> None:
    for key in describe_keys(Config):
        assert re.search(r"[A-Z].*\.$", key.description), key.key


def test_every_key_of_the_core_is_in_the_reference_configuration() -> None:
    text = (ROOT / "config.yaml").read_text()
    for info in describe_keys(Config):
        name = info.key.rpartition(".")[2]
        assert re.search(rf"^ *(# )?{name}:", text, re.MULTILINE), info.key


# -- the wire


def labels() -> dict[str, Path]:
    """Every label in the code, and the file it is in."""
    found: dict[str, Path] = {}
    for path in (ROOT / "mepassad").rglob("*.py"):
        if "testing" not in path.parts:
            for label in re.findall(r'b"(mepassa/1[^"]*)"', path.read_text()):
                assert label not in found, f"{label} is in {found.get(label)} and {path}"
                found[label] = path
    return found


def test_every_label_is_documented_and_none_is_the_beginning_of_another() -> None:
    text = "\n".join(PROTOCOL.values())
    assert len(labels()) >= 15
    for label in labels():
        assert f"| `{label}` |" in text, label
    for one, other in itertools.permutations(labels(), 2):
        assert not other.startswith(one)


def test_the_protocol_names_every_field_of_every_message_with_its_number() -> None:
    text = "\n".join(PROTOCOL.values())
    for message in messages_pb2.DESCRIPTOR.message_types_by_name.values():
        assert f"`{message.name}`" in text, message.name
        for field in message.fields:
            assert re.search(rf"\b{field.number} `{field.name}`", text), f"{message.name}.{field.name}"


def test_the_protocol_names_every_reason_of_a_refusal() -> None:
    for reason in Reason:
        assert re.search(rf"^\| {reason.value} \|", PROTOCOL["packets.md"], re.MULTILINE), reason


def test_the_index_of_the_protocol_names_every_text() -> None:
    for name in PROTOCOL.keys() - {"README.md"}:
        assert f"[{name}]({name})" in PROTOCOL["README.md"]


@pytest.mark.parametrize(
    "path", [*ROOT.glob("README*.md"), *ROOT.glob("mepassad/scaffold/profiles/*.yaml")], ids=lambda path: path.name
)
def test_what_a_newcomer_reads_has_lines_that_fit(path: Path) -> None:
    prose = [line for line in path.read_text().splitlines() if not line.startswith("|")]
    assert [line for line in prose if len(line) > 120] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    prose = re.sub(r"^(`{3,}).*?^\1$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", prose):
        if "://" not in target:
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize(("table", "least"), [("attacks.md", 40), ("reliability.md", 20)])
def test_every_test_that_a_table_of_tests_names_exists(table: str, least: int) -> None:
    path, named = Path(), 0
    for name, test in re.findall(r"`([\w./]+\.py|contract|…)(?:::(\w+))?`", document(table).partition("\n## ")[2]):
        if name == "contract":
            path = ROOT / "mepassad/testing/crypto_contract.py"
        elif name != "…":
            path = ROOT / name if (ROOT / name).exists() else ROOT / "tests" / name
        assert path.exists(), path
        assert not test or re.search(rf"^ *(async )?def {test}\(", path.read_text(), re.MULTILINE), (path, test)
        named += 1
    assert named > least
