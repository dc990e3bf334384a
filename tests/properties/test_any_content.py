"""A contact may say anything inside the encryption, and the node stays well."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mepassad.testing.courier import Courier, packet, text
from mepassad.testing.nodes import eventually, living
from mepassad.wire.messages_pb2 import Content
from tests.examples import examples

IDS = st.binary(max_size=20) | st.binary(min_size=16, max_size=16)
NUMBERS = st.integers(0, 2**64 - 1)
STAMPS = st.fixed_dictionaries({"version": NUMBERS, "hash": IDS})
HINTS = st.fixed_dictionaries({"key": st.binary(max_size=33), "addresses": st.lists(st.text(max_size=10), max_size=3)})
CARDS = st.fixed_dictionaries({"card": st.binary(max_size=60), "device": IDS, "signature": IDS})
CONTENTS = st.fixed_dictionaries(
    {"kind": st.sampled_from([0, 1, 2, 63, 64, 65, 66, 2**32 - 1]), "time_ms": NUMBERS},
    optional={
        "reply_to": IDS,
        "ours": STAMPS,
        "theirs": STAMPS,
        "introduction": st.fixed_dictionaries(
            {"card": CARDS, "number": IDS, "nodes": st.lists(HINTS, max_size=6), "invite": IDS, "proof": IDS}
        ),
        "receipts": st.fixed_dictionaries({"delivered": st.lists(IDS), "read": st.lists(IDS)}),
        "text": st.fixed_dictionaries({"text": st.text(max_size=50)}),
    },
)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=st.lists(CONTENTS, max_size=8), junk=st.lists(st.binary(max_size=300), max_size=4))
def test_any_content_of_a_contact_is_taken_and_the_next_text_is_read(
    tmp_path_factory: pytest.TempPathFactory, contents: list[dict[str, object]], junk: list[bytes]
) -> None:
    async def run() -> None:
        async with living(tmp_path_factory.mktemp("any")) as nodes:
            ana, bob = await nodes.pair()
            for fields in contents:
                content = text(ana, bob, "x")
                content.MergeFrom(Content(**fields))  # type: ignore[arg-type]
                assert await Courier().hand(bob, await packet(ana, bob, content)) == [None]
            for raw in junk:
                assert await Courier().hand(bob, await packet(ana, bob, raw)) == [None]
            await ana.say(bob, "still here?")
            await eventually(lambda: bob.texts()[-1:] == ["still here?"])

    anyio.run(run)
