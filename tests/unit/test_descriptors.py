"""The limit of open files is raised at the start: to the hard one, within reason, and never lowered."""

from __future__ import annotations

import resource

import pytest

from mepassad.descriptors import ENOUGH, limit, raise_limit

NONE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "becomes"),
    [
        (1024, 4096, 4096),
        (4096, 4096, 4096),
        (1024, ENOUGH, ENOUGH),
        (1024, ENOUGH + 1, ENOUGH),
        (1024, NONE, ENOUGH),
        (ENOUGH + 5, NONE, ENOUGH + 5),
        (NONE, NONE, NONE),
    ],
)
def test_the_soft_limit_becomes_the_hard_one_within_reason(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, becomes: int
) -> None:
    limits = [(soft, hard)]
    monkeypatch.setattr(resource, "getrlimit", lambda what: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda what, new: limits.append(new))
    assert raise_limit() == limit() == (ENOUGH if becomes == NONE else becomes)
    assert limits[-1] == (becomes, hard)
