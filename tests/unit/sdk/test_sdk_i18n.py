"""`mepassa` in the user's language: help, click's words, its own sentences and the node's; whole and current."""

from __future__ import annotations

import io
import json
import os
import string
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from babel.messages.pofile import read_po
from commanding import HELLO, answering, contact, message, with_contacts
from mepassa.cli.i18n import DOMAIN, LOCALE, _
from wire_node import ANA, ME, Refusal, Wire, WireNode

ROOT = Path(__file__).parents[3]
SOURCES = sorted(LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def forms(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def placeholders(text: str | tuple[str, ...]) -> set[str | None]:
    return {name for form in forms(text) for _a, name, _b, _c in string.Formatter().parse(form) if name is not None}


def errors() -> set[str]:
    document = json.loads((ROOT / "docs" / "openrpc.json").read_text())
    found = [*document["components"]["errors"].values(), *(one for m in document["methods"] for one in m["errors"])]
    return {error["message"] for error in found}


def catalogue(source: Path) -> dict[Any, Any]:
    return {one.id: one.string for one in read_po(io.BytesIO(source.read_bytes())) if one.id}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.parents[1].name)
def test_every_sentence_is_translated_with_the_same_placeholders(source: Path) -> None:
    sentences = catalogue(source)
    assert len(sentences) > 200
    for sentence, translation in sentences.items():
        assert all(forms(translation)), sentence
        if sentence not in errors():  # nothing is put into those
            assert placeholders(translation) == placeholders(sentence)


def test_brazilian_portuguese_is_there() -> None:
    assert "pt_BR" in [source.parents[1].name for source in SOURCES]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.parents[1].name)
def test_both_commands_say_what_both_say_in_the_same_words(source: Path) -> None:
    other = catalogue(ROOT / "mepassad" / "locale" / source.relative_to(LOCALE).with_name("mepassad.po"))
    for sentence, translation in catalogue(source).items():
        assert other.get(sentence, translation) == translation


def test_every_error_of_the_node_has_a_sentence_in_every_catalogue() -> None:
    assert len(errors()) > 30
    for source in SOURCES:
        assert errors() <= catalogue(source).keys()


def test_what_the_node_says_beside_its_errors_is_said_somewhere() -> None:
    from scripts.catalogues import REASONS

    code = "\n".join(path.read_text() for path in (ROOT / "mepassad").rglob("*.py"))
    for reason in REASONS:
        assert f'"{reason}"' in code, reason


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"LANG": "pt_BR.UTF-8"}, "você"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "pt_BR"}, "você"),
        ({"LANG": "C.UTF-8"}, "you"),
        ({"LANG": "xx_YY"}, "you"),
    ],
)
def test_the_users_variables_choose_the_language(
    environ: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert _("you") == sentence


def test_no_sentence_is_no_header_of_a_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "pt_BR")
    assert _("") == ""


# -- as it is met


def mepassa(*arguments: str) -> tuple[int, str]:
    """Exit code of the command in Portuguese, and all that it says."""
    command = [sys.executable, "-c", "from mepassa.cli import main; main(prog_name='mepassa')", *arguments]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8"}
    done = subprocess.run(command, **pipes, env={**os.environ, "LANGUAGE": "pt_BR"}, timeout=30, check=False)
    return done.returncode, done.stdout


async def with_node(node: WireNode, *arguments: str) -> tuple[int, str]:
    return await anyio.to_thread.run_sync(mepassa, "--socket", str(node.path), *arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["Uso: mepassa [OPÇÕES] COMANDO", "Fala com um mepassad", "Opções:", "--account ID", "Comandos:",
                      "Conversa com um contato, linha por linha.", "Códigos de saída: 0 feito", "Mostra esta ajuda"]),
        (["send", "-h"], ["Uso: mepassa send [OPÇÕES] CONTATO [TEXTO]...", "Envia TEXTO a CONTATO"]),
        (["contacts", "rename", "-h"], ["contacts rename [OPÇÕES] CONTATO NOME", "Passa a chamar CONTATO"]),
        (["search", "-h"], ["[padrão: 20", "--limit N"]),
        (["sned"], ["Veja a ajuda com 'mepassa --help'", "Erro: Não existe o comando 'sned'. Será que é 'send'?"]),
        (["send"], ["Erro: Falta o argumento 'CONTATO'."]),
        (["--sokcet"], ["Erro: Não existe a opção '--sokcet'. Será que é '--socket'?"]),
        (["invite", "--uses", "0"], ["Erro: Valor inválido para '--uses': 0 está fora do intervalo"]),
        (["invite", "--expires", "ontem"], ["Valor inválido para '--expires': 'ontem' não é um prazo"]),
        (["--socket", "/nada", "status"], ["Erro: Nenhum mepassad responde em /nada. Inicie um com"]),
        (["--token-file", "/nada", "status"], ["/nada não pode ser lido"]),
    ],
)  # fmt: skip
def test_help_and_wrong_usage_are_in_portuguese(arguments: list[str], words: list[str]) -> None:
    _code, shown = mepassa(*arguments)
    for word in words:
        assert word in " ".join(shown.split()), shown
    for english in ("Usage", "Options", "Error", "Show", "Try", "Send", "default"):
        assert english not in shown


def test_no_command_lacks_a_portuguese_help_that_fits_the_list() -> None:
    _code, shown = mepassa("--help")
    assert "..." not in shown.partition("Comandos:")[2]


async def test_what_the_node_refuses_is_said_in_portuguese(node: WireNode) -> None:
    async def expired(wire: Wire, **asked: Any) -> dict[str, Any]:
        raise Refusal(1111, "InviteExpired", "This invite or code has expired; ask for a new one.")

    node.methods["invites.accept"] = expired
    code, shown = await with_node(node, "accept", "mepassa:i/1/abc")
    assert (code, shown) == (1, "Erro: Este convite ou código expirou; peça um novo. (InviteExpired)\n")


async def test_lists_states_and_routes_are_in_portuguese_and_json_is_not(node: WireNode) -> None:
    with_contacts(node, contact(ANA, "Ana", verified=True))
    assert await with_node(node, "contacts") == (0, f"{ANA}\taceito\tAna\tverificado\n")
    _code, listed = await with_node(node, "contacts", "--json")
    assert json.loads(listed)[0]["state"] == "accepted"
    node.methods["messages.list"] = answering(items=[message("m1", "oi", incoming=False, state="delivered")], next=None)
    _code, shown = await with_node(node, "history", "Ana")
    assert shown.endswith("  você → Ana (entregue): oi\n")
    node.methods["system.hello"] = answering(**HELLO)
    node.methods["system.stats"] = answering(links=0)
    node.methods["conversations.list"] = answering(items=[], next=None)
    _code, shown = await with_node(node, "status")
    assert [line.split("\t")[0] for line in shown.splitlines()] == [
        "versão", "nome", "conta", "soquete", "endereço", "contatos", "não lidas", "contatos conectados",
    ]  # fmt: skip


async def test_tail_is_in_portuguese(node: WireNode) -> None:
    with_contacts(node, contact(ANA, "Ana"))
    node.methods["contacts.get"] = answering(**contact(ANA, "Ana"))
    node.publish("message.delivered", account=ME, message_id="m1", contact=ANA, state="delivered", route="relayed")
    script = f"import sys; from mepassa.cli import main; main(['--socket', {str(node.path)!r}, 'tail', '--after', '0'])"
    with subprocess.Popen([sys.executable, "-c", script], stdout=-1, env={**os.environ, "LANGUAGE": "pt_BR"}) as tail:
        line = await anyio.to_thread.run_sync(tail.stdout.readline)
        tail.kill()
    assert line.decode().strip() == "message.delivered  Ana  entregue, retransmitida"
