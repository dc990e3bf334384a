"""Whether what was sampled stayed flat: limits with names, lines that say what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any, NamedTuple

Line = dict[str, Any]
Sample = Mapping[str, float]

SLACK = {"tasks": 2, "descriptors": 2, "threads": 2}
"""How many more are no leak whatever the share: a timer or a connection more or less at the moment of a look."""


class Judgement(NamedTuple):
    """One figure: where it began and ended, and what it may have grown by (a share; growing less than that is flat)."""

    bench: str
    name: str
    first: float
    last: float
    limit: float

    @property
    def growth(self) -> float:
        """The share by which it grew; below zero, it shrank."""
        return self.last / self.first - 1 if self.first else float(self.last > 0)

    @property
    def flat(self) -> bool:
        """Whether it grew by no more than it may."""
        return self.last <= max(self.first * (1 + self.limit), self.first + SLACK.get(self.name, 0))

    def line(self) -> Line:
        """For the JSON lines and the table."""
        return {
            "bench": self.bench,
            "name": self.name,
            "value": float(f"{self.growth * 100:.3g}"),
            "unit": "%",
            "from": round(self.first, 1),
            "to": round(self.last, 1),
            "budget": self.limit * 100,
            "flat": self.flat,
        }


def quarters(bench: str, samples: Sequence[Sample], limits: Mapping[str, float]) -> list[Judgement]:
    """Each figure's level over the last quarter of the samples against that over the first quarter."""
    size = max(1, len(samples) // 4)
    return [
        Judgement(bench, name, _level(samples[:size], name), _level(samples[-size:], name), limit)
        for name, limit in limits.items()
    ]


def _level(samples: Sequence[Sample], name: str) -> float:
    """The mean; of what is counted the least, since calls under way come on top of that and a leak raises it."""
    return (min if name in SLACK else mean)(of(samples, name))


def of(samples: Sequence[Sample], name: str) -> list[float]:
    """One figure of all samples."""
    return [sample[name] for sample in samples]


def slope(samples: Sequence[Sample], x: str, y: str) -> float:
    """By how much `y` grows for each of `x`: least squares; 0 where `x` does not move."""
    xs, ys = of(samples, x), of(samples, y)
    middle_x, middle_y = mean(xs), mean(ys)
    spread = sum((value - middle_x) ** 2 for value in xs)
    return sum((a - middle_x) * (b - middle_y) for a, b in zip(xs, ys, strict=True)) / spread if spread else 0.0
