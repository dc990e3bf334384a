"""Strangers, churn, soak and the command line, over real daemons, in short."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import soak, strangers
from bench.__main__ import numbered

ROOT = Path(__file__).resolve().parents[3]


def test_peers_are_connected_measured_and_newcomers_served(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PEERS_A_PROCESS": 2, "NEWCOMERS": 2, "SETTLE_SECONDS": 0.0, "IDLE_SECONDS": 0.01}.items():
        monkeypatch.setattr(strangers, name, value)

    found = {line["name"]: line for line in strangers.peers(2)}

    assert found["tasks a peer"]["value"] >= 1
    assert 0 < found["newcomer p50"]["value"] <= found["newcomer p99"]["value"]
    assert found["memory a peer"]["budget"] == 80


def test_churn_is_sampled_and_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "ROUND", 4)
    monkeypatch.setattr(strangers, "WARM_UP", 4)

    lines = list(strangers.churn(8))

    assert [line["sample"] for line in lines if "sample" in line] == [4, 8]
    assert {line["name"]: line["flat"] for line in lines if "flat" in line} == {
        "tasks": True, "descriptors": True, "threads": True, "rss_mib": True,
    }  # fmt: skip


def test_a_soak_loses_and_doubles_nothing_and_judges_both_daemons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "RATE_MESSAGES", 60)

    lines = list(soak.soak(1))

    ways = {line["way"]: line for line in lines if "way" in line}
    assert ways.keys() == {"a to b", "b to a"}
    for line in ways.values():
        assert line["sent"] == line["told"] == line["kept"] > 0
    assert {line["sample"] for line in lines if "sample" in line} == {"a", "b"}
    assert {line["bench"] for line in lines if line.get("name") == "rss_mib"} == {"soak, a", "soak, b"}


def test_a_number_belongs_to_the_workload_before_it() -> None:
    assert numbered(["floor", "peers", "50", "soak"]) == {"floor": [], "peers": [50], "soak": []}


@pytest.mark.parametrize("words", [["50"], ["floor", "50"], ["peers", "5", "6"], ["peers", "-1"], ["nonsense"]])
def test_a_word_that_is_no_workload_and_no_number_of_one_is_refused(words: list[str]) -> None:
    with pytest.raises(ValueError, match=f"no such workload: {words[-1]}; there are floor"):
        numbered(words)


def test_the_experiment_says_how_to_install_what_it_needs() -> None:
    code = "import sys; sys.modules['iroh'] = None; from bench.experiment import compare; list(compare())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=50)

    assert done.returncode == 1
    assert "uv pip install iroh" in done.stderr


def test_a_bench_that_did_not_stay_flat_ends_with_1() -> None:
    code = """if True:
        import sys
        from bench import __main__ as command
        command.ONCE = {"churn": lambda: [{"bench": "churn", "name": "tasks", "value": 9, "unit": "%", "flat": flat}]}
        for flat in (True, False):
            sys.argv = ["bench", "churn"]
            print(command.main())
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=50)

    assert [line for line in done.stdout.splitlines() if line in "01"] == ["0", "1"]
