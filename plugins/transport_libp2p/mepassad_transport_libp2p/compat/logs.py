"""Cure: py-libp2p logs tracebacks for a stranger's junk, partly on the root logger, to which it adds a handler.

Here its warnings become one debug line each in the plugin's own log. The cure of the root logger is not needed once
`swarm_connection` uses a logger of its own; the redirection stays.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from libp2p.network.connection import swarm_connection

from mepassad.api.context import Log

NOWHERE = logging.NullHandler()
"""Python's logging prints on stderr what no handler takes."""

MAX_LINE = 200
"""Characters of a message that are kept."""


class DebugLines(logging.Handler):
    """Passes records on as one debug line each, without traceback."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Pass the first line of a record on."""
        line = record.getMessage().split("\n", 1)[0][:MAX_LINE]
        self._log.debug("libp2p says", source=record.name, line=line)


LOGGERS = ("libp2p", "quic")
"""The loggers of py-libp2p and of aioquic."""


def apply() -> None:
    """Keep py-libp2p away from the root logger, and off stderr while no transport runs."""
    setattr(swarm_connection, "logging", logging.getLogger("libp2p.network.connection"))  # noqa: B010 not exported
    logging.getLogger("multiaddr").setLevel(logging.WARNING)  # it tells of each address that it reads
    for name in LOGGERS:
        logging.getLogger(name).addHandler(NOWHERE)


@contextmanager
def redirected(log: Log) -> Iterator[None]:
    """Pass py-libp2p's warnings on to `log` meanwhile."""
    handler = DebugLines(log)
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
