"""What the crypto plugin costs: CPU µs of one call, best of repeats, as JSON lines. Run: python bench/crypto.py"""

from __future__ import annotations

import json
import time
import timeit
from collections.abc import Callable

from mepassad.builtin.crypto_signal.plugin import Signal
from mepassad.testing.crypto_party import Party, connect

REPEATS = 7
TEXT = bytes(1024)


def best(call: Callable[[], object], number: int) -> float:
    """The CPU µs of a call, the least of `REPEATS` means over `number` calls."""
    return min(timeit.repeat(call, number=number, repeat=REPEATS, timer=time.process_time)) / number * 1e6


def tell(name: str, value: float, unit: str) -> None:
    print(json.dumps({"bench": "crypto", "name": name, "value": round(value, 1), "unit": unit}))


def messages(engine: Signal) -> None:
    alice, bob, session = connect(engine)
    bob.receive(alice, session, alice.send(session, TEXT))
    hers, his = alice.sides[session].state, bob.sides[session].state
    message = engine.encrypt(hers, TEXT).message
    tell("encrypt 1 KiB", best(lambda: engine.encrypt(hers, TEXT), 5000), "us")
    tell("decrypt 1 KiB", best(lambda: engine.decrypt(his, {}, message), 5000), "us")
    answer = engine.encrypt(his, TEXT).message
    tell("encrypt 1 KiB, turning", best(lambda: engine.encrypt(his, TEXT), 1000), "us")
    tell("decrypt 1 KiB, turning", best(lambda: engine.decrypt(hers, {}, answer), 1000), "us")
    tell("state", len(hers), "bytes")
    tell("overhead of a message", len(message) - len(TEXT), "bytes")


def gap(engine: Signal) -> None:
    alice, bob, session = connect(engine)
    for _ in range(1000):
        alice.send(session, b"lost")
    message, state = alice.send(session, TEXT), bob.sides[session].state
    tell("decrypt 1 KiB, 1000 missing", best(lambda: engine.decrypt(state, {}, message), 20), "us")


def handshakes(engine: Signal) -> None:
    alice, bob = Party(engine), Party(engine)
    held, bundle = list(bob.keys.values()), bob.bundle()
    tell("replenish, all new", best(lambda: engine.replenish(bob.account, bob.device, [], bob.now), 5), "us")
    tell("replenish, nothing to do", best(lambda: engine.replenish(bob.account, bob.device, held, bob.now), 500), "us")
    tell("give a bundle", best(lambda: engine.bundle(bob.device, held, bob.now), 500), "us")
    peer = bob.device.public
    tell("initiate", best(lambda: engine.initiate(alice.device, peer, bundle, alice.now), 300), "us")
    begun = engine.initiate(alice.device, peer, bundle, alice.now)
    first, sender = engine.encrypt(begun.state, TEXT), alice.device.public
    accept = best(lambda: engine.accept(bob.device, sender, first.message, bob.keys.get, bob.now), 300)
    tell("accept 1 KiB", accept, "us")
    tell("bundle", len(bundle), "bytes")
    tell("state, unanswered", len(first.state), "bytes")
    tell("overhead of a first message", len(first.message) - len(TEXT), "bytes")


if __name__ == "__main__":
    messages(Signal())
    gap(Signal())
    handshakes(Signal())
