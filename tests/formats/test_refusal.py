"""Refusals: a stable code, one line that says what was found, one sentence that says what to do."""

from __future__ import annotations

import pytest

from media_format.refusal import ADVICE, Code, Refusal
from tests.formats import format_page


def test_every_code_has_advice_and_no_advice_is_left_over() -> None:
    assert set(ADVICE) == set(Code)


@pytest.mark.parametrize("code", list(Code))
def test_advice_is_one_sentence_that_fits_two_lines_of_a_screen(code: Code) -> None:
    advice = Refusal(code, "what was found").advice
    assert advice[0].isupper() and advice.endswith(".") and "\n" not in advice
    assert len(advice) <= 120


def test_a_refusal_shows_its_code_and_what_was_found() -> None:
    assert str(Refusal(Code.ROLLBACK, "index 4 is behind 5")) == "rollback: index 4 is behind 5"


def test_codes_are_words_that_scripts_can_rely_on() -> None:
    assert all(code.replace("-", "").isalpha() and code == code.lower() for code in Code)
    assert all(f"**{code}**" in format_page.TEXT for code in ("malformed", "too-large", "unsupported-format"))


def test_whoever_refuses_may_know_better_what_is_to_be_done() -> None:
    refusal = Refusal(Code.PIN_WRONG, "not the passphrase", "Try another one.").about("backup.bin")
    assert (refusal.detail, refusal.advice) == ("backup.bin: not the passphrase", "Try another one.")
