"""Makes what prepare_rows.sh measures: a model folder (tokenizer, template, config; no weights) and a Parquet file of preference
pairs of UltraFeedback's size: prompts of 710 bytes and answers of 1,220 on average solve the two sizes that its published
forms have, 405,688,662 bytes in 61,135 rows of prompt, two conversations and `messages` (4 prompts, 3 answers a row), and
203,496,688 in 63,619 rows of instruction and two answers. The text is what lies in this Python's own packages: prose, code and markup, in several scripts.

Needs numpy, pyarrow and tokenizers. The same seed and the same packages give the same files.
"""

import argparse
import json
import random
import sysconfig
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def corpus(most_bytes):
    text = []
    size = 0
    for file in sorted(Path(sysconfig.get_paths()["purelib"]).rglob("*")):
        if file.suffix in {".py", ".md", ".rst", ".txt"} and file.is_file():
            content = file.read_text(encoding="utf-8", errors="ignore").replace("\0", "")
            text.append(content)
            size += len(content)
            if size > most_bytes:
                break
    return text


def train(text, vocabulary):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(WORDS), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(text, trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return tokenizer


def model_folder(folder, tokenizer):
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"eos_token": "<|im_end|>", "chat_template": TEMPLATE, "tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    shape = {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2,
        "num_key_value_heads": 1, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 1e6,
        "tie_word_embeddings": True, "eos_token_id": tokenizer.token_to_id("<|im_end|>"),
    }
    (folder / "config.json").write_text(json.dumps(shape))


def pieces(text, rng):
    """Texts of about a wanted number of bytes, cut anywhere in the corpus."""
    whole = "\n".join(text)
    per_byte = 1e6 / len(whole[:1000000].encode())

    def piece(size):
        length = max(1, int(size * per_byte * rng.uniform(0.4, 1.6)))
        start = rng.randrange(len(whole) - length)
        return whole[start:start + length].strip() or "?"

    return piece


def table(piece, rows, prompt, answer):
    def turn(role, content):
        return {"role": role, "content": content}

    lists = {"prompt": [], "prompt_id": [], "chosen": [], "rejected": [], "score_chosen": [], "score_rejected": []}
    for i in range(rows):
        question = turn("user", piece(prompt))
        lists["prompt"].append(question["content"])
        lists["prompt_id"].append(f"{i:064x}")
        lists["chosen"].append([question, turn("assistant", piece(answer))])
        lists["rejected"].append([question, turn("assistant", piece(answer))])
        lists["score_chosen"].append(8.5)
        lists["score_rejected"].append(4.0)
    return pa.table(lists)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=int, default=60000)
    parser.add_argument("--prompt", type=int, default=710, help="mean bytes of a prompt")
    parser.add_argument("--answer", type=int, default=1220, help="mean bytes of an answer")
    parser.add_argument("--vocabulary", type=int, default=50000)
    options = parser.parse_args()
    rng = random.Random(7)
    text = corpus(60_000_000)
    tokenizer = train(text, options.vocabulary)
    model_folder(options.out / "model", tokenizer)
    piece = pieces(text, rng)
    schema = table(piece, 1, 8, 8).schema
    with pq.ParquetWriter(options.out / "pairs.parquet", schema, compression="snappy") as writer:
        for start in range(0, options.rows, 2000):
            writer.write_table(table(piece, min(2000, options.rows - start), options.prompt, options.answer))


if __name__ == "__main__":
    main()
