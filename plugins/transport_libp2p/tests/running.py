"""What the fixture `running` is, for those who annotate it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from mepassad.testing.transport_node import Node

Running = Callable[..., AbstractAsyncContextManager[list[Node]]]
