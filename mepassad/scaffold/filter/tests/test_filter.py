"""The filter keeps the contract of filters, and finds words however they are written."""

from __future__ import annotations

import pytest
from mepassad.api import Rejected
from mepassad.testing.filter_contract import FilterContract, a_draft

from mepassad_filter_words.plugin import Config, WordFilter, component


class TestWordFilter(FilterContract):
    component = staticmethod(component)
    passes = "Shall we meet at nine?"
    refuses = "You won the lottery!"

    def config(self) -> Config:
        return Config(words=("lottery",))


@pytest.mark.parametrize("text", ["LOTTERY", "lóttery.", "l\u200bottery", "(lottery)", "a\nlottery", "\uff4cottery"])
async def test_a_word_is_found_however_it_is_written(text: str) -> None:
    with pytest.raises(Rejected, match="Not sent"):
        await WordFilter(["Lottery"]).message_send(a_draft(text))


@pytest.mark.parametrize("text", ["lot tery", "lotteries", "alottery"])
async def test_a_part_of_a_word_or_a_word_in_parts_is_not_the_word(text: str) -> None:
    draft = a_draft(text)
    assert await WordFilter(["lottery"]).message_send(draft) is draft


@pytest.mark.parametrize("word", ["", " ", "two words", "!", "a-b"])
def test_what_is_not_one_word_is_refused_in_the_configuration(word: str) -> None:
    with pytest.raises(ValueError, match="words: "):
        Config(words=("fine", word))
