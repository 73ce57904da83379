"""Writes what Hugging Face's tokenizers say, for BytePairTokenizer to agree with.

huggingface_words.json      a tokenizer that splits words as GPT-2 does and adds a space in front
huggingface_unsplit.json    one that does not split, written as older versions of the library do
huggingface_ids.json        1,000 strings and their ids in both

Run with tokenizers 0.23 from anywhere: python3 make_text_fixtures.py
"""

import json
import pathlib
import random

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent

SENTENCES = [
    "Fold the T-shirt with the collar up, then put it on the pile.",
    "It's where we'll find what you've made; I'm sure they'd say we're late, isn't it?",
    "Wische den großen Tisch gründlich ab, bis er glänzt, und stelle die Stühle zurück.",
    "Prépare un café bien serré et n'oublie pas d'essuyer la buse à vapeur, s'il te plaît.",
    "¿Dónde está la caja pequeña? Dobla la toalla y métela en el cajón, ¡rápido!",
    "Возьми чашку и поставь её на стол, пожалуйста; потом вытри воду.",
    "Πάρε το φλιτζάνι και βάλε το πάνω στο τραπέζι, παρακαλώ.",
    "ضع الكوب على الطاولة من فضلك، ثم اطوِ القميص.",
    "שים את הכוס על השולחן בבקשה, ואחר כך קפל את החולצה.",
    "कृपया कप को मेज़ पर रखो और फिर कमीज़ को मोड़ो।",
    "วางถ้วยบนโต๊ะ แล้วพับเสื้อให้เรียบร้อย",
    "请把杯子放在桌子上,然后把衬衫叠好。",
    "カップをテーブルに置いて、それからシャツをたたんでください。",
    "컵을 테이블 위에 놓고 셔츠를 접어 주세요.",
    "Advantage: positive\nAdvantage: negative\n",
    "for index in range(10):\n    total += values[index] * 0x1F  # don't stop\n\treturn total\r\n",
    "let π = 3.14159; if x != y && !done { print(\"\\(x)\") }",
    "🤖🦾 picks up 🧽, 👩‍🔬 watches 👍🏽 🇩🇪",
    "1234567890 12,345.67 ٣٤٥ ५६७ Ⅻ ½ x² 10⁻³ ①②③",
    "e\u0301a\u0308 n\u0303 Z\u0351\u036b\u0343\u036a a\u0323\u0302 がか\u3099 각",
]

ODD_SPACES = [
    " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", " \n", "\n ", " \t ", "\u00a0", " \u00a0", "\u2003",
    "\u3000", "\u2028", "\u0085", "\u200b", "\ufeff", "\u1680", "\u202f", "\u205f ", "\x0b", "\x0c",
    "\x1c", "\x1f ", "\u180e", "\u2060",
]  # fmt: skip

ODD_WORDS = [
    "'s", "'S", "'re", "'r", "'ve", "'ll", "'l", "'d", "'t", "'m", "''s", "'", "’s", " 's", "can't",
    "I'LL", "a'b", "'retro", "'lla", "1's", "_x_", "--", "...", "?!", "a1b2", "1a", "½a", "ªº", "ʰa",
    "\u0301", "a\u0301", "\u0301a", "1\u0301", "中a1", "#tag", "$5", "5€", "<pad>", "<none>", "<|end|>",
    "<|end|", "<pad><pad>", "red button", "red  button", "\x00", "\x7f", "\u00ad", "ß", "ẞ", "ﬁ", "ǆ",
    "𝒳", "𝟙", "𐐷", "🧽", "\U000e0001", "\uffff", "\ue000", "Ⅷ", "〇", "٠", "ー", "々", "\u200d",
]  # fmt: skip


def strings():
    source = random.Random(5)

    def part():
        kind = source.randrange(6)
        if kind == 0:
            return source.choice(ODD_WORDS)
        if kind == 1:
            return source.choice(ODD_SPACES)
        sentence = source.choice(SENTENCES)
        start = source.randrange(len(sentence))
        return sentence[start : start + source.randrange(1, 14)]

    chosen = ["", *SENTENCES, *ODD_SPACES, *ODD_WORDS]
    chosen += [f"a{space}b{space}" for space in ODD_SPACES]
    seen = set(chosen)
    while len(chosen) < 1000:
        text = "".join(part() for _ in range(source.randrange(1, 6)))
        if text not in seen:
            seen.add(text)
            chosen.append(text)
    return chosen


def trained(use_regex, add_prefix_space, vocabulary_size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(
        add_prefix_space=add_prefix_space, use_regex=use_regex
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=["<|end|>", "<pad>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES * 2, trainer)
    return tokenizer


def in_another_order(tokenizer):
    """The same merges with shuffled ids, as an older version of the library would write them."""
    file = json.loads(tokenizer.to_str())
    added = {token["content"] for token in file["added_tokens"]}
    vocabulary = file["model"]["vocab"]
    names = [name for name in vocabulary if name not in added]
    ids = [vocabulary[name] for name in names]
    random.Random(6).shuffle(ids)
    vocabulary.update(zip(names, ids, strict=True))
    file["model"]["merges"] = [" ".join(pair) for pair in file["model"]["merges"]]
    del file["model"]["type"]
    return file


def main():
    words = trained(use_regex=True, add_prefix_space=True, vocabulary_size=900)
    words.add_tokens([AddedToken("red button", normalized=True), AddedToken("red", normalized=True)])
    words.add_special_tokens(["<none>"])
    unsplit = in_another_order(trained(use_regex=False, add_prefix_space=False, vocabulary_size=600))
    files = {"words": json.loads(words.to_str()), "unsplit": unsplit}
    texts = strings()
    result = {"strings": texts}
    for name, file in files.items():
        written = json.dumps(file, ensure_ascii=False, separators=(",", ":"))
        (HERE / f"huggingface_{name}.json").write_text(written + "\n", encoding="utf-8")
        tokenizer = Tokenizer.from_str(written)
        encodings = [tokenizer.encode(text) for text in texts]
        result[name] = [encoding.ids for encoding in encodings]
        result[f"{name}Decoded"] = [
            None if (decoded := tokenizer.decode(encoding.ids)) == text else decoded
            for text, encoding in zip(texts, encodings, strict=True)
        ]
    written = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
    (HERE / "huggingface_ids.json").write_text(written + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
