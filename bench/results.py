"""What was measured: medians of runs, ratios to the floor of the same run, as JSON lines and as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

Name = tuple[str, str]

FLOOR: Mapping[Name, Name] = {
    ("pingpong", "one-way p50"): ("floor", "one-way p50"),
    ("pingpong", "one-way p99"): ("floor", "one-way p99"),
    ("pipeline", "messages"): ("floor", "frames, 1 a write"),
}
"""Which figure is put beside which of the floor."""

TARGETS: Mapping[Name, Mapping[str, float]] = {
    ("pingpong", "one-way p50"): {"budget": 2.0},
    ("pingpong", "one-way p99 / p50"): {"budget": 4.0},
    ("pipeline", "messages"): {"at_least": 4000, "ratio_at_least": 0.4},
    ("cold-start", "libp2p"): {"budget": 1000},
    ("rss", "libp2p"): {"budget": 105},
    ("rss", "local-only"): {"budget": 57},
    ("bots", "a bot's answer takes longer by, p50"): {"budget": 3.0},
    ("bots", "answered / pipeline"): {"at_least": 0.35},
    ("bots", "import mepassa"): {"budget": 120},
    ("bots", "20 bots in a daemon"): {"budget": 150},
}
"""What each figure may be at most or should be at least; 105 and 57 MiB are 110 and 60 MB."""


class Result(NamedTuple):
    """One figure of one run."""

    bench: str
    name: str
    value: float
    unit: str


Line = dict[str, Any]


def summary(runs: Sequence[Sequence[Result]]) -> list[Line]:
    """A line for each figure: the median of all runs, the runs, and the median ratio to the floor, if any."""
    values: dict[Name, list[float]] = {}
    units: dict[Name, str] = {}
    for bench, name, value, unit in (result for run in runs for result in run):
        values.setdefault((bench, name), []).append(value)
        units[bench, name] = unit
    return [
        {
            "bench": key[0],
            "name": key[1],
            "value": rounded(median(found)),
            "unit": units[key],
            "runs": [rounded(value) for value in found],
            **_ratio(found, values.get(FLOOR.get(key, key), [])),
        }
        for key, found in values.items()
    ]


def aimed(lines: Sequence[Line]) -> list[Line]:
    """The lines with what each should be (`TARGETS`)."""
    return [{**line, **TARGETS.get((line["bench"], line["name"]), {})} for line in lines]


def _ratio(values: Sequence[float], floor: Sequence[float]) -> Line:
    if values is floor or len(values) != len(floor):
        return {}
    return {"ratio_to_floor": rounded(median(value / least for value, least in zip(values, floor, strict=True)))}


def rounded(value: float) -> float:
    """Four digits are more than two noisy cores can tell."""
    return float(f"{value:.4g}")


def dump(line: Line) -> str:
    """A JSON line."""
    return json.dumps(line, ensure_ascii=False)


def table(lines: Sequence[Line]) -> str:
    """For people: one row a figure. A line without a figure of its own is shown with all that it says; no samples."""
    lines = [line for line in lines if "sample" not in line]
    figures = [line for line in lines if "value" in line]
    width = max((len(str(line["name"])) for line in figures), default=0)
    first = max((len(str(line["bench"])) for line in figures), default=0)
    return "\n".join(_row(line, first, width) for line in lines)


def _row(line: Line, first: int, width: int) -> str:
    if "value" not in line:
        return ", ".join(str(value) if key == "bench" else f"{key} {value}" for key, value in line.items())
    ratio = f"{line['ratio_to_floor']:g} x floor" if "ratio_to_floor" in line else ""
    named = f"{line['bench']:<{first}}  {line['name']:<{width}}"
    return f"{named}  {line['value']:>10g} {line['unit']:<5}  {ratio:<14}  {_target(line)}".rstrip()


def _target(line: Line) -> str:
    said = {
        "budget": f"of {line.get('budget', 0):g}",
        "at_least": f"at least {line.get('at_least', 0):g}",
        "ratio_at_least": f"at least {line.get('ratio_at_least', 0):g} x floor",
        "flat": "" if line.get("flat") else "NOT FLAT",
    }
    return ", ".join(text for key, text in said.items() if key in line and text)
