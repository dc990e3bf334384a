"""Our own code agrees with the published vectors, and the files are those that it would publish now."""

from __future__ import annotations

from importlib import import_module

import pytest
from published import FOLDER, Case, cases, documents

from mepassad.testing.vectors.book import outcome
from mepassad.testing.vectors.files import LAYERS, files

OURS = {layer: import_module(f"mepassad.testing.vectors.ours.{layer}") for layer in LAYERS}


@pytest.mark.parametrize("case", cases(), ids=str)
def test_our_code_agrees(case: Case) -> None:
    assert outcome(case.function(OURS), case.inputs) == case.expected


def test_the_published_files_are_current() -> None:
    published = {path: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    wanted = files()
    assert [path.name for path in wanted if published.get(path) != wanted[path]] == [], "stale, run `make gen`"
    assert published.keys() == wanted.keys(), "stale, run `make gen`"


def test_every_file_says_what_it_is_of_and_every_group_how_to_use_it() -> None:
    for layer, document in documents().items():
        assert document["version"] == 1
        assert (FOLDER.parent / document["text"]).exists()
        assert f"[{layer}.json]({layer}.json)" in (FOLDER / "README.md").read_text()
        for group in (document, *document["groups"].values()):
            assert group["description"].endswith(".")
        for group in document["groups"].values():
            names = [case["case"] for case in group["cases"]]
            assert len(set(names)) == len(names)
