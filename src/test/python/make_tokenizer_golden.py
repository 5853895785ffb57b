"""Trains small tokenizers of the kinds that Llama-3, Qwen2.5, Llama-2/Mistral and Mistral v0.3 have, and writes what transformers
makes of texts and conversations with them, to src/test/resources/tokenizers. Needs transformers (5.x) and tokenizers.

A folder has `tokenizer.json`, `tokenizer_config.json`, `chat_template.jinja` and `golden.json`: `texts` with `text` and `ids`;
`chats` with `messages`, `prompt_tokens`, `ids` and `mask` (1 for a token that a generation block marks).
"""

import json
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

HERE = Path(__file__).parent.parent / "resources"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
PIECES = [
    "the ", "The", " of", "and", "ing ", "hello", " world", "don't", "WE'LL", " I'm", "123", "45678", "3.14", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " ", ".",
    ", ", "!?", "(a)", "é", "e\u0301", "ß", "ﬁ", "Ａ", "中文", "日本語の", "한국어", "عربي", "हिन्दी", "😀", "👩‍👩‍👧", "🇩🇪", "\u00a0", "\u200b", "\u2028", "\ufeff", "\x00", "\x7f",
    "½", "²", "Ⅷ", "def f(x):\n    return x", "{{ x }}", "<b>", "</s>", "<s>", "<|end|>", "<|eot_id|>", "▁", "_", "&amp;", "https://a.b/c?d=e", "ΑΣ",
]
SPECIALS = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "[INST]", "[/INST]"]


def text(rng, most):
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(0, most)))


def corpus():
    rng = random.Random(1)
    return [text(rng, 40) for _ in range(400)]


def byte_level(pattern, normalizer=None):
    tokenizer = Tokenizer(models.BPE(ignore_merges=pattern is LLAMA3))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return tokenizer


def sentencepiece(legacy):
    """BPE over text whose spaces are ▁, with bytes for unknown characters; legacy puts ▁ before every piece of text."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    if legacy:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    bytes_ = [f"<0x{b:02X}>" for b in range(256)]
    words = [piece for line in corpus() for piece in line.replace(" ", " ▁").split(" ")]
    plain = Tokenizer(models.BPE(unk_token="<unk>"))
    plain.train_from_iterator(words, trainers.BpeTrainer(vocab_size=500, special_tokens=["<unk>"], limit_alphabet=150, show_progress=False))
    model = json.loads(plain.to_str())["model"]
    vocab = {token: i for i, token in enumerate(["<unk>"] + bytes_ + [t for t in model["vocab"] if t != "<unk>"])}
    tokenizer.model = models.BPE(vocab, [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]],
                                 byte_fallback=True, fuse_unk=True, unk_token="<unk>")
    return tokenizer


def conversation(rng, system):
    turns = [{"role": "system", "content": text(rng, 4)}] if system and rng.random() < 0.4 else []
    for _ in range(rng.randint(0, 2)):
        turns += [{"role": "user", "content": text(rng, 6)}, {"role": "assistant", "content": clean(text(rng, 6))}]
    return turns + [{"role": "user", "content": text(rng, 6)}, {"role": "assistant", "content": clean(text(rng, 8))}]


def clean(answer):
    """An answer that neither has nor merges with what ends or starts it in a template."""
    for special in SPECIALS:
        answer = answer.replace(special, "")
    return "A" + answer.strip() + "."


def write(name, tokenizer, template, config):
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIALS])
    folder = HERE / "tokenizers" / name
    folder.mkdir(parents=True, exist_ok=True)
    data = json.loads(tokenizer.to_str())
    (folder / "tokenizer.json").write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **config}, indent=1) + "\n")
    source = (HERE / "templates" / template).read_text()
    (folder / "chat_template.jinja").write_text(source)
    fast = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **config)
    fast.chat_template = source
    rng = random.Random(name)
    texts = [{"text": t, "ids": fast(t, add_special_tokens=False)["input_ids"]} for t in PIECES + [text(rng, 30) for _ in range(150)]]
    chats = []
    for _ in range(30):
        messages = conversation(rng, system=name != "mistral")  # its template moves the system message with each turn
        whole = fast.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=template == "generation.jinja")
        prompt = fast.apply_chat_template(messages[:-1], return_dict=True, add_generation_prompt=True)["input_ids"]
        chats.append({"messages": messages, "prompt_tokens": len(prompt), "ids": whole["input_ids"], "mask": whole.get("assistant_masks")})
    golden = json.dumps({"texts": texts, "chats": chats}, separators=(",", ":")).replace('{"text"', '\n{"text"').replace('{"mess', '\n{"mess')
    (folder / "golden.json").write_text(golden + "\n")
    print(name, len(tokenizer.get_vocab()), "tokens,", len(golden), "bytes")


def main():
    names = {"bos_token": "<s>", "eos_token": "</s>"}
    write("llama-3", byte_level(LLAMA3), "../fixtures/tiny-llama/chat_template.jinja", {"bos_token": "<s>", "eos_token": "<|eot_id|>"})
    write("qwen2.5", byte_level(QWEN, normalizers.NFC()), "generation.jinja", {"eos_token": "<|im_end|>"})
    write("legacy", sentencepiece(True), "tulu-3.jinja", {**names, "unk_token": "<unk>"})
    write("mistral", sentencepiece(False), "mistral.jinja", {**names, "unk_token": "<unk>"})


if __name__ == "__main__":
    main()
