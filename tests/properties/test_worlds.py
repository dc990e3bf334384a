"""Two devices and five devices under any order, loss, doubling, alteration, time, restarts and restored copies.

Every text that opens is one that was sent, by whom the packet says, once; a failure changes nothing; what was not lost
and has its keys opens; no key encrypts two texts (tests/properties/world.py). With `MEPASSAD_SCHEDULES`, a number,
there are as many other runs each time, and what fails may take its time to become a short example.
"""

from __future__ import annotations

import os

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from mepassad.builtin.crypto_signal.prekeys import DAY
from tests.properties.world import Packet, World

ANY = st.integers(0, 2**16)
RUNS = int(os.environ.get("MEPASSAD_SCHEDULES", "0"))
MAX_UNDERWAY, MAX_BUNDLES = 60, 6


def underway(machine: Devices) -> bool:
    return bool(machine.world.underway)


class Devices(RuleBasedStateMachine):
    """Any devices; each number that a rule draws picks something."""

    number = 2

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.number)

    def two(self, which: int) -> tuple[int, int]:
        """A sender, and a recipient other than it."""
        return which % self.number, (which + 1 + which // self.number % (self.number - 1)) % self.number

    def pick(self, which: int) -> Packet:
        return self.world.underway[which % len(self.world.underway)]

    # -- packets

    @precondition(lambda machine: len(machine.world.underway) < MAX_UNDERWAY)
    @rule(which=ANY, times=st.integers(1, 4))
    def say(self, which: int, times: int) -> None:
        for _ in range(times):
            self.world.say(*self.two(which))

    @precondition(underway)
    @rule(picked=st.lists(ANY, min_size=1, max_size=6))
    def deliver(self, picked: list[int]) -> None:
        for which in picked[: len(self.world.underway)]:
            packet = self.pick(which)
            self.world.underway.remove(packet)
            self.world.deliver(packet)

    @precondition(lambda machine: len(machine.world.underway) < MAX_UNDERWAY)
    @rule(which=ANY, turns=st.lists(st.tuples(st.booleans(), ANY), min_size=4, max_size=24))
    def converse(self, which: int, turns: list[tuple[bool, int]]) -> None:
        """Two talk for a while, and most of what they say arrives, in some order."""
        pair = self.two(which)
        for speaks, choice in turns:
            ours = [packet for packet in self.world.underway if {packet.sender, packet.recipient} == {*pair}]
            if speaks or not ours:
                self.world.say(*(pair if choice % 2 else pair[::-1]))
            else:
                packet = ours[choice % len(ours)]
                self.world.underway.remove(packet)
                self.world.deliver(packet)

    @precondition(underway)
    @rule(which=ANY)
    def double(self, which: int) -> None:
        self.world.deliver(self.pick(which))

    @precondition(underway)
    @rule(which=ANY)
    def lose(self, which: int) -> None:
        self.world.underway.remove(self.pick(which))

    @precondition(underway)
    @rule(which=ANY, bit=st.integers(0, 2**20))
    def flip(self, which: int, bit: int) -> None:
        self.world.refuse(self.pick(which).altered(bit))

    @precondition(underway)
    @rule(which=ANY, size=ANY)
    def cut_short(self, which: int, size: int) -> None:
        packet = self.pick(which)
        self.world.refuse(packet.cut(size % len(packet.message)))

    @precondition(underway)
    @rule(which=ANY, session=ANY)
    def put_under_another_session(self, which: int, session: int) -> None:
        moved = self.world.elsewhere(self.pick(which), session)
        if moved:
            self.world.refuse(moved)

    # -- sessions

    @rule(which=ANY, one_time=st.booleans())
    def begin(self, which: int, one_time: bool) -> None:
        sender, owner = self.two(which)
        self.world.begin(sender, owner, self.world.bundle(owner, one_time))
        self.world.say(sender, owner)

    @rule(which=ANY)
    def begin_at_once(self, which: int) -> None:
        sender, owner = self.two(which)
        for one, other in ((sender, owner), (owner, sender)):
            self.world.begin(one, other, self.world.bundle(other))
            self.world.say(one, other)

    @precondition(lambda machine: len(machine.world.bundles) < MAX_BUNDLES)
    @rule(owner=ANY, one_time=st.booleans())
    def fetch(self, owner: int, one_time: bool) -> None:
        owner %= self.number
        self.world.bundles.append((owner, self.world.bundle(owner, one_time)))

    @precondition(lambda machine: machine.world.bundles)
    @rule(which=ANY, sender=ANY)
    def begin_with_what_was_fetched(self, which: int, sender: int) -> None:
        owner, bundle = self.world.bundles[which % len(self.world.bundles)]
        if sender % self.number != owner:
            self.world.begin_with_old(sender % self.number, owner, bundle)

    # -- devices

    @rule(owner=ANY)
    def run_dry(self, owner: int) -> None:
        self.world.run_dry(owner % self.number)

    @rule(days=st.sampled_from([1, 8, 22]))
    def pass_time(self, days: int) -> None:
        self.world.pass_time(days * DAY)

    @rule(owner=ANY)
    def reload(self, owner: int) -> None:
        self.world.reload(owner % self.number)

    @rule(owner=ANY)
    def copy_and_go_on(self, owner: int) -> None:
        self.world.copy(owner % self.number)

    @rule(owner=ANY)
    def roll_back(self, owner: int) -> None:
        self.world.roll_back(owner % self.number)

    def teardown(self) -> None:
        for packet in self.world.underway:
            self.world.deliver(packet)


class FiveDevices(Devices):
    number = 5


TestTwoDevices = Devices.TestCase
TestFiveDevices = FiveDevices.TestCase
TestTwoDevices.settings = TestFiveDevices.settings = settings(
    max_examples=RUNS or 15,
    stateful_step_count=60,
    deadline=None,
    derandomize=not RUNS,
    phases=tuple(Phase) if RUNS else (Phase.generate,),
)
