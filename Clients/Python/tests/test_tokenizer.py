"""Hugging Face's library reads the tokenizers that recap writes, and finds the same ids."""

import json
import pathlib

import pytest

tokenizers = pytest.importorskip("tokenizers", reason="Hugging Face's tokenizers is not installed")

FIXTURES = pathlib.Path(__file__).parents[3] / "Tests" / "PoliciesTests" / "Fixtures"


def test_a_tokenizer_that_recap_wrote_gives_the_same_ids():
    tokenizer = tokenizers.Tokenizer.from_file(str(FIXTURES / "recap_tokenizer.json"))
    written = json.loads((FIXTURES / "recap_ids.json").read_text(encoding="utf-8"))
    assert len(written["strings"]) == 1000
    for text, ids in zip(written["strings"], written["ids"], strict=True):
        assert tokenizer.encode(text).ids == ids, repr(text)


def test_it_knows_the_special_tokens():
    tokenizer = tokenizers.Tokenizer.from_file(str(FIXTURES / "recap_tokenizer.json"))
    assert tokenizer.token_to_id("<pad>") == 0
    assert tokenizer.token_to_id("<none>") == 1
    assert tokenizer.decode([0, 1]) == ""
