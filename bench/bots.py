"""Bots: how long an echo takes beside a bare answer, how many a second, what importing the SDK and many bots cost."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

from bench.client import Client, Events, send_request
from bench.daemons import LOCAL_ONLY, Daemon, Pair, folder, pair
from bench.results import Result
from bench.workloads import MESSAGES, REST_SECONDS, ROUND_TRIPS, WARM_UP, WINDOW, round_trips, stream

BOT = Path(__file__).with_name("echo_bot.py")
MANY = 20
IMPORTS = 9
STOP_TIMEOUT = 15.0


def bots() -> Iterator[Result]:
    """An echo bot as a process of its own: its answers against bare ones; the import; 20 bots in a daemon."""
    with pair() as two:
        bare = sorted(round_trips(two, WARM_UP + ROUND_TRIPS)[WARM_UP:])
        pipeline = MESSAGES / stream(two, MESSAGES)
        with echo_bot(two):
            echoes = sorted(_echoes(two, WARM_UP + ROUND_TRIPS)[WARM_UP:])
            answered = _answered(two, MESSAGES)
    for name, at in (("p50", len(bare) // 2), ("p99", len(bare) * 99 // 100)):
        yield Result("bots", f"there and back, bare {name}", bare[at] * 1e3, "ms")
        yield Result("bots", f"there and back, bot {name}", echoes[at] * 1e3, "ms")
        yield Result("bots", f"a bot's answer takes longer by, {name}", (echoes[at] - bare[at]) * 1e3, "ms")
    yield Result("bots", "answered messages", answered, "/s")
    yield Result("bots", "answered / pipeline", answered / pipeline, "")
    yield Result("bots", "import mepassa", _import_ms(), "ms")
    yield Result("bots", f"{MANY} bots in a daemon", _many_mb(), "MB")


@contextmanager
def echo_bot(two: Pair) -> Iterator[None]:
    """The bot over B's socket, for B's first account, once it has answered what it found there."""
    inbox = Events(two.a.socket, "message.received")
    command = [sys.executable, str(BOT), "--socket", str(two.b.socket), "--account", two.account_b]
    with closing(inbox), (two.b.folder / "bot.log").open("ab") as log:
        bot = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _catch_up(two, inbox)
            yield
        finally:
            bot.terminate()
            bot.wait(STOP_TIMEOUT)


def _catch_up(two: Pair, inbox: Events) -> None:
    """A bot's first run answers all that was ever said: ask it something, and wait for the answer to that."""
    with closing(Client(two.a.socket)) as a:
        a.call("messages.send", contact=two.account_b, text="are you there?")
        while not any(b"are you there?" in line for line in inbox.read()):
            pass


def _echoes(two: Pair, count: int) -> list[float]:
    """Seconds from a call of A to the event with the bot's answer."""
    line, times = send_request(two.account_b), []
    with closing(Client(two.a.socket)) as a, closing(Events(two.a.socket, "message.received")) as at_a:
        for _ in range(count):
            begin = time.perf_counter()
            a.socket.sendall(line)
            at_a.wait()
            times.append(time.perf_counter() - begin)
            a.lines()
    return times


def _answered(two: Pair, count: int) -> float:
    """Messages a second until the last answer is durable with who asked, `WINDOW` calls in flight."""
    line, sent, heard = send_request(two.account_b), 0, 0
    with closing(Client(two.a.socket)) as a, closing(Events(two.a.socket, "message.received")) as at_a:
        begin = time.perf_counter()
        sent = min(WINDOW, count)
        a.socket.sendall(line * sent)
        while sent < count:
            more = min(len(a.lines()), count - sent)
            a.socket.sendall(line * more)
            sent += more
        while heard < count:
            heard += len(at_a.read())
        return count / (time.perf_counter() - begin)


def _import_ms() -> float:
    """What `import mepassa` adds to a Python that does nothing."""

    def run(code: str) -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - begin

    return median(run("import mepassa") - run("pass") for _ in range(IMPORTS)) * 1e3


def _many_mb() -> float:
    """Resident memory of a daemon with many small bots, above that of one with none."""
    with folder() as place:
        for number in range(MANY):
            (place / f"bot{number}.py").write_text(BOT.read_text().replace("bench-echo", f"echo-{number}"))
        listed = "".join(f"  - file: {place}/bot{number}.py\n" for number in range(MANY))
        with_bots, without = (
            _rest(place / name, LOCAL_ONLY + bots) for name, bots in (("with", f"bots:\n{listed}"), ("without", ""))
        )
    return (with_bots - without) * 1.048576


def _rest(place: Path, plugins: str) -> float:
    daemon = Daemon(place, plugins)
    try:
        daemon.start()
        _wait_for_bots(daemon, MANY if "bots:" in plugins else 0)
        time.sleep(REST_SECONDS)
        return daemon.rss_mib()
    finally:
        daemon.stop()


def _wait_for_bots(daemon: Daemon, count: int) -> None:
    with closing(Client(daemon.socket)) as client:
        while len(client.call("system.stats")["components"].get("bot", ())) < count:
            time.sleep(0.05)
