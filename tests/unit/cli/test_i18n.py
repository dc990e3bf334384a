"""The command's languages: the catalogues are current and whole, and the user's variables choose."""

from __future__ import annotations

import errno
import io
import socket
import string
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from babel.messages.pofile import read_po

from mepassad.cli.plugins import type_words
from mepassad.config.load import load
from mepassad.config.model import Metrics
from mepassad.errors import AddressRefused, ConfigError, SocketInUse
from mepassad.i18n import DOMAIN, LOCALE, _
from mepassad.listening import in_words, why_not
from mepassad.metrics import Monitor
from mepassad.plugins import discover
from mepassad.testing.component import Lines

ROOT = Path(__file__).parents[3]
LANGUAGES = sorted(path.name for path in LOCALE.iterdir())


def placeholders(text: str) -> set[str | None]:
    return {name for _literal, name, _spec, _conversion in string.Formatter().parse(text) if name is not None}


def test_the_catalogues_are_current() -> None:
    script = ROOT / "scripts" / "catalogues.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated_with_the_same_placeholders(language: str) -> None:
    source = LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    messages = [message for message in read_po(io.BytesIO(source.read_bytes())) if message.id]
    assert len(messages) > 20
    for message in messages:
        forms = message.string if message.pluralizable else (message.string,)
        assert all(forms), message.id
        ids = message.id if message.pluralizable else (message.id,)
        assert set().union(*map(placeholders, forms)) == set().union(*map(placeholders, ids))


def test_brazilian_portuguese_is_there() -> None:
    assert "pt_BR" in LANGUAGES


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"LANG": "pt_BR.UTF-8"}, "Interrompido."),
        ({"LANG": "C.UTF-8", "LANGUAGE": "pt_BR"}, "Interrompido."),
        ({"LANG": "C.UTF-8"}, "Interrupted."),
        ({"LANG": "xx_YY"}, "Interrupted."),
    ],
)
def test_the_users_variables_choose_the_language(
    environ: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert _("Interrupted.") == sentence


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["Uso: mepassad [OPÇÕES]", "Executa o nó mepassa", "Opções:", "Comandos:", "Mostra esta ajuda"]),
        (["inti"], ["Uso:", "Veja a ajuda com", "Erro: Não existe o comando 'inti'."]),
        (["init", "--words-file"], ["Erro: A opção '--words-file' precisa de um valor."]),
        (["init", "--kind", "gato"], ["Erro: Valor inválido para '--kind': 'gato' não é nenhum destes: "]),
    ],
)
def test_the_help_and_all_that_click_says_are_in_the_users_language(arguments: list[str], words: list[str]) -> None:
    command = [sys.executable, "-m", "mepassad", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env={"LANGUAGE": "pt_BR"})
    for word in words:
        assert word in done.stdout + done.stderr
    for english in ("Usage", "Options", "Error", "Show", "Try"):
        assert english not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nod: {}", "x.yaml:1:1: nod: chave desconhecida 'nod' — você quis dizer 'node'?"),
        ("rpc: {max_calls: a}", "rpc.max_calls: esperado um número inteiro, veio texto"),
        ("rpc: {max_calls: 0}", "rpc.max_calls: esperado um número inteiro >= 1"),
        ("node: {name: ''}", "node.name: esperado texto de comprimento >= 1"),
        ("log: {level: loud}", "log.level: esperado um destes: debug, error, info, warning; veio 'loud'"),
        ("roles: mailbox", "roles: esperado uma lista, como `roles: [mailbox]`, veio texto"),
        ("mailboxes: {a: b}", "esperado uma lista, veio chaves com valores — você quis dizer `mailbox`, o que este nó"),
        ("mailboxes: [/ip4/192.0.2.1/tcp/1/p2p/12D3KooW]", "'12D3KooW' não é id de nó: tem 8 caracteres, e não 52"),
        ("admit: pass", "chave desconhecida 'admit' — você quis dizer 'mailbox.admit', 'relay.admit'?"),
        ("a: [", "não é YAML: "),
        ("a: {}\nb: {}", "2 erros na configuração"),
    ],
)
def test_what_is_wrong_in_a_configuration_is_said_in_the_users_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    monkeypatch.setenv("LANGUAGE", "pt_BR")
    file = tmp_path / "x.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file, {"HOME": str(tmp_path)}, discover())
    assert told in caught.value.sentence.replace(f"{tmp_path}/", "")


def test_the_list_of_plugins_says_kinds_of_values_in_the_users_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "pt_BR")
    assert type_words("list of whole number (≥ 1) or nothing") == "lista de número inteiro (≥ 1) ou nada"
    assert type_words("debug | textual") == "debug | textual"


def test_a_port_that_is_taken_is_told_in_the_users_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "pt_BR")
    place = "/ip4/127.0.0.1/tcp/1"
    refused = AddressRefused("Cannot listen.", address=place, errno=errno.EADDRINUSE)
    assert in_words(refused) == f"Não é possível escutar em {place}: outro programa já escuta lá."
    assert in_words(AddressRefused("no place")) == "no place"
    assert why_not(OSError(errno.EACCES, "no")) == "portas abaixo de 1024 precisam de mais direitos"
    assert (why_not(OSError(-2, "no name")), why_not(OSError())) == ("no name", "o sistema a recusa")


async def test_metrics_that_cannot_be_shown_are_told_in_the_users_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "pt_BR")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with anyio.create_task_group() as tasks:
            with pytest.raises(SocketInUse) as refused:
                await Monitor(Metrics(port=port), dict, Lines()).start(tasks)
    assert refused.value.sentence == (
        f"As métricas não podem ser mostradas em 127.0.0.1, porta {port} (outro programa já escuta lá); "
        "defina metrics.port."
    )
