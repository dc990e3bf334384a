"""The configuration: where values come from, and what each mistake is told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from mepassad.api import hookimpl
from mepassad.config.load import FOR_TESTS, Loaded, load
from mepassad.config.tree import MAX_BYTES, MAX_DEPTH
from mepassad.errors import ConfigError
from mepassad.plugins import GROUP, Catalogue

BOX = "12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X"


class Limits(msgspec.Struct, frozen=True):
    """A section inside a section."""

    peers: Annotated[int, Meta(ge=1, description="How many.")] = 8


class Post(msgspec.Struct, frozen=True):
    """The section of a made-up plugin."""

    listen: Annotated[tuple[str, ...], Meta(description="Where.")] = ()
    bootstrap: tuple[str, ...] = ()
    folder: Path | None = None
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        for address in self.listen:
            if not address.startswith("/"):
                raise ValueError(f"listen: {address!r} is not an address")


class _Provider:
    def __init__(self, hook: str) -> None:
        setattr(self, hook, hookimpl(lambda config: None, specname=hook))


class _Post:
    @hookimpl
    def register_config(self, register) -> None:  # type: ignore[no-untyped-def]
        register("post", Post)


PLUGINS = {
    "signal": _Provider("provide_crypto"),
    "sqlite": _Provider("provide_store"),
    "bots": object(),
    "mailbox_sqlite": _Provider("provide_mailbox"),
    "post": _Post(),
    "pigeon": object(),
}


@pytest.fixture(scope="module", autouse=True)
def made_up_module() -> Iterator[None]:
    module = ModuleType("made_up_plugins")
    vars(module).update(PLUGINS)
    sys.modules[module.__name__] = module
    yield
    del sys.modules[module.__name__]


CATALOGUE = Catalogue(EntryPoint(name, f"made_up_plugins:{name}", GROUP) for name in PLUGINS)
HOME = {"HOME": "/home/ana"}


def read(tmp_path: Path, text: str | bytes, **environ: str) -> Loaded:
    path = tmp_path / "config.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    loaded, _ = load(path, HOME | environ, CATALOGUE)
    return loaded


def refused(tmp_path: Path, text: str | bytes, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, **environ)
    return caught.value.sentence.replace(f"{tmp_path}/", "")


# -- where values come from


def test_without_a_file_every_value_is_the_default() -> None:
    loaded, plugins = load(None, HOME, CATALOGUE)
    assert loaded.config.messages.max_text == 65_536
    assert set(loaded.origins.values()) == {"default"}
    assert plugins.names == ("signal", "sqlite", "bots", "mailbox_sqlite")


def test_an_empty_file_and_an_empty_section_mean_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, "").config == read(tmp_path, "node:\nrpc:\n# nothing\n").config


def test_a_value_of_the_file_has_its_line_as_origin(tmp_path: Path) -> None:
    loaded = read(tmp_path, "log:\n  level: debug\n")
    assert loaded.config.log.level == "debug"
    assert loaded.origins["log.level"] == f"{tmp_path}/config.yaml:2"
    assert loaded.origins["log.format"] == "default"


def test_a_variable_overrides_the_file(tmp_path: Path) -> None:
    loaded = read(tmp_path, "node: {name: ana}\n", MEPASSAD__NODE__NAME="bia", MEPASSAD__RPC="{max_calls: 7}")
    assert (loaded.config.node.name, loaded.config.rpc.max_calls) == ("bia", 7)
    assert loaded.origins["node.name"] == "environment: MEPASSAD__NODE__NAME"


def test_a_variable_can_name_the_plugins_and_set_their_keys(tmp_path: Path) -> None:
    loaded = read(tmp_path, "", MEPASSAD__PLUGINS="[post]", MEPASSAD__POST__LIMITS__PEERS="3")
    assert loaded.sections["post"] == Post(limits=Limits(peers=3))


def test_a_plugins_section_is_typed_by_the_plugin(tmp_path: Path) -> None:
    loaded = read(tmp_path, "plugins: [post]\npost:\n  listen:\n    - /here\n  limits: {peers: 2}\n")
    assert loaded.sections == {"post": Post(listen=("/here",), limits=Limits(peers=2))}
    assert loaded.origins["post.limits.peers"] == f"{tmp_path}/config.yaml:5"


def test_a_plugin_that_is_not_installed_is_one_problem_and_says_what_to_do(tmp_path: Path) -> None:
    told = refused(tmp_path, "plugins: [gopher]\ngopher: {hole: 1}\n")
    known = "bots, mailbox_sqlite, pigeon, post, signal, sqlite"
    assert f"the plugin 'gopher' is not installed; installed: {known}; install it" in told
    assert "`pip install ./plugins/gopher`" in told
    assert "or take it out of `plugins`" in told
    assert "unknown key" not in told


def test_the_transport_for_tests_is_not_suggested(tmp_path: Path) -> None:
    points = [*CATALOGUE.points.values(), EntryPoint(FOR_TESTS, "made_up_plugins:pigeon", GROUP)]
    path = tmp_path / "config.yaml"
    path.write_text("plugins: [transport_memori]")
    with pytest.raises(ConfigError) as told:
        load(path, HOME, Catalogue(points))
    assert FOR_TESTS not in told.value.sentence


def test_the_section_of_a_plugin_that_is_off_is_ignored_and_named(tmp_path: Path) -> None:
    loaded = read(tmp_path, "post: {whatever: 1}\n")
    assert loaded.ignored == ("post",)
    assert loaded.sections == {}


def test_relative_paths_are_relative_to_the_files_folder_and_a_tilde_is_home(tmp_path: Path) -> None:
    loaded = read(tmp_path, "node: {data_dir: data}\nrpc: {socket: ~/s.sock}\nplugins: [post]\npost: {folder: /x}\n")
    assert loaded.config.node.data_dir == tmp_path / "data"
    assert loaded.config.rpc.socket == Path("/home/ana/s.sock")
    assert loaded.sections["post"] == Post(folder=Path("/x"))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "/home/ana/.local/share/mepassad"),
        ({"XDG_DATA_HOME": "/d"}, "/d/mepassad"),
        ({"XDG_DATA_HOME": "/d", "STATE_DIRECTORY": "/var/lib/mepassad:/other"}, "/var/lib/mepassad"),
    ],
)
def test_the_data_folder_follows_systemd_then_xdg_then_home(environ: dict[str, str], expected: str) -> None:
    config = load(None, HOME | environ, CATALOGUE)[0].config
    assert config.node.data_dir == Path(expected)
    assert config.rpc.socket == Path(expected, "run", "mepassad.sock")


# -- what a mistake is told


def test_all_mistakes_are_told_at_once_each_with_line_column_and_the_nearest_key(tmp_path: Path) -> None:
    text = """\
node:
  nam: ana
plugins: [post]
rpc:
  max_calls: many
post:
  lisen: [/here]
"""
    assert refused(tmp_path, text).splitlines() == [
        "config.yaml:2:3: node.nam: unknown key 'nam' — did you mean 'name'?",
        "      nam: ana",
        "      ^",
        "config.yaml:5:14: rpc.max_calls: expected a whole number, got text",
        "      max_calls: many",
        "                 ^",
        "config.yaml:7:3: post.lisen: unknown key 'lisen' — did you mean 'listen'?",
        "      lisen: [/here]",
        "      ^",
        "3 errors in the configuration",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nod: {}", "config.yaml:1:1: nod: unknown key 'nod' — did you mean 'node'?"),
        ("log: {xyz: 1}", "config.yaml:1:7: log.xyz: unknown key 'xyz' — known here: format, level"),
        ("log: {level: loud}", "config.yaml:1:14: log.level: expected one of debug, error, info, warning, got 'loud'"),
        ("log: text", "config.yaml:1:6: log: expected keys with values: level, format"),
        ("- a", "config.yaml:1:1: expected keys with values: node, rpc"),
        ("rpc: {max_calls: 0}", "config.yaml:1:18: rpc.max_calls: expected a whole number >= 1"),
        ("rpc: {max_calls: 1025}", "expected a whole number <= 1024"),
        ("rpc: {max_calls:}", "config.yaml:1:17: rpc.max_calls: expected a whole number, got nothing"),
        ("node: {name: 12}", "expected text, got a whole number"),
        ("node: {name: ''}", "expected text of length >= 1"),
        ("node: {data_dir: 1}", "node.data_dir: expected a path"),
        ('node: {data_dir: "a\\0b"}', "node.data_dir: expected a path"),
        ("plugins: post", "config.yaml:1:10: plugins: expected a list, such as `plugins: [post]`, got text"),
        ("roles: mailbox", "config.yaml:1:8: roles: expected a list, such as `roles: [mailbox]`, got text"),
        ("permissions: {post: net}", "permissions.post: expected a list, such as `post: [net]`, got text"),
        ("bots: [{file: a, scopes: read}]", "bots: expected a list, such as `scopes: [read]`, got text"),
        ("plugins: ''", "plugins: expected a list, such as [], got text"),
        ("roles: 5", "roles: expected a list, got a whole number"),
        ("plugins: [post, 1, 2]", "config.yaml:1:20: plugins: expected text, got a whole number"),
        ("plugins: [post, post]", "config.yaml:1:17: plugins: the plugin 'post' is named twice"),
        (
            "plugins: [pots]",
            "the plugin 'pots' is not installed; installed: bots, mailbox_sqlite, pigeon, post, signal, sqlite",
        ),
        ("plugins: [post]\npost: {listen: [nowhere]}", "config.yaml:2:8: post.listen: 'nowhere' is not an address"),
        ("crypto: {plugin: sqlite}", "config.yaml:1:10: crypto.plugin: no loaded plugin named 'sqlite' provides a"),
        (f"mailboxes: [/dns4/a.example/tcp/1/p2p/{BOX}]", "mailboxes: contacts never dial /dns4/a.example/tcp/1/p2p/"),
        ("mailbox: {max_envelope: 16944}", "mailbox.max_envelope: expected a whole number >= 16945"),
        ("mailbox: {box_blobs: 4}", "mailbox.box_blobs: "),
        (f"mailboxes: [/ip4/192.0.2.1/tcp/65536/p2p/{BOX}]", f"the port in /ip4/192.0.2.1/tcp/65536/p2p/{BOX} must be"),
        (f"mailboxes: [/ip4/192.0.2.1/udp/0/quic-v1/p2p/{BOX}]", "must be a number from 1 to 65535"),
        (f"mailboxes: [/ip4/192.0.2.256/tcp/1/p2p/{BOX}]", "is no address of a node"),
        (f"mailboxes: [/ip4/192.0.2.1/tcp/1/p2p/{BOX[:-1]}]", "is no node id: it has 51 characters, not 52"),
        (f"mailboxes: [/ip4/192.0.2.1/tcp/1/p2p/{BOX[:-1]}0]", "is no node id: a character in it is wrong"),
        (
            "mailbox: [/ip4/192.0.2.1]",
            "1:10: mailbox: did you mean `mailboxes`, the nodes that keep what comes for",
        ),
        ("bootstrap: [/ip4/192.0.2.1]\nplugins: [post]", "unknown key 'bootstrap' — did you mean 'post.bootstrap'?"),
        ("bootstrap: [/ip4/192.0.2.1]", "unknown key 'bootstrap' — did you mean 'transport_libp2p.bootstrap'?"),
        ("admit: pass", "admit: unknown key 'admit' — did you mean 'mailbox.admit', 'relay.admit'?"),
        ("mailboxes: {admit: pass}", "expected a list, got keys with values — did you mean `mailbox`, what this node"),
        ("roles: [mailbox]", "config.yaml:1:1: roles: nobody can be served, because no plugin under `plugins` is a"),
        ("delivery: {retry_min: 5, retry_max: 2}", "delivery.retry_max: 2 is less than retry_min, 5"),
        ("log: {}\nlog: {}", "config.yaml:2:1: log: this key is already there: "),
        ("1: 2", "config.yaml:1:1: a key must be text"),
        ("? [a]\n: 2", "config.yaml:1:3: a key must be text"),
        ("a: [", "config.yaml:1:5: not YAML: while parsing a flow node"),
        ("a: 1\n---\nb: 2", "not YAML: expected a single document"),
        ("a: \x01", "config.yaml:1:1: not YAML: unacceptable character"),
        ("a: !!python/name:os.system x", "config.yaml:1:4: the tag 'tag:yaml.org,2002:python/name:os.system' is not"),
        ('node: {name: "\\ud800"}', "config.yaml:1:14: not valid Unicode text"),
        ("a: &x 1\nb: *x", "config.yaml:2:4: not YAML: aliases are not supported"),
        (b"a: \xff", "config.yaml:1: the configuration is not text in UTF-8"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str | bytes, told: str) -> None:
    assert told in refused(tmp_path, text)


def test_a_mistake_in_a_variable_names_the_variable(tmp_path: Path) -> None:
    told = refused(tmp_path, "", MEPASSAD__RPC__MAX_CALS="1", MEPASSAD__LOG__LEVEL="[", MEPASSAD__="x")
    assert told.startswith("MEPASSAD__LOG__LEVEL: not YAML")
    told = refused(tmp_path, "", MEPASSAD__RPC__MAX_CALS="1", MEPASSAD__NODE__NAME="7", MEPASSAD__="x")
    assert "MEPASSAD__RPC__MAX_CALS: rpc.max_cals: unknown key 'max_cals' — did you mean 'max_calls'?" in told
    assert "MEPASSAD__NODE__NAME: node.name: expected text, got a whole number" in told
    assert "MEPASSAD__: unknown key ''" in told


def test_words_that_yaml_1_1_takes_for_booleans_stay_text(tmp_path: Path) -> None:
    assert read(tmp_path, "node: {name: no}").config.node.name == "no"


def test_a_file_of_the_largest_size_is_read_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path, "#" * MAX_BYTES).config.node.name == "mepassa"
    assert "larger than 256 KiB" in refused(tmp_path, "#" * (MAX_BYTES + 1))


def test_nesting_is_bounded(tmp_path: Path) -> None:
    assert "unknown key" in refused(tmp_path, "a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))
    assert f"nested deeper than {MAX_DEPTH}" in refused(tmp_path, "a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert f"nested deeper than {MAX_DEPTH}" in refused(tmp_path, "[" * MAX_BYTES)


def test_a_socket_path_of_107_bytes_is_allowed_and_one_of_108_is_not(tmp_path: Path) -> None:
    longest = "/" + "s" * 106
    assert read(tmp_path, f"rpc: {{socket: {longest}}}").config.rpc.socket == Path(longest)
    assert "config.yaml:1:7: rpc.socket: the path has 108 bytes, Unix allows 107" in refused(
        tmp_path, f"rpc: {{socket: {longest}s}}"
    )
    assert "rpc.socket: the path has" in refused(tmp_path, f"node: {{data_dir: {longest}}}")


def test_a_file_that_cannot_be_read_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "none.yaml", HOME, CATALOGUE)
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, HOME, CATALOGUE)
