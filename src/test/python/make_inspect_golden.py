"""Writes what transformers makes of rows, to src/test/resources/inspect/golden.json: for `metaapo inspect --out`.

Each set names a fixture (its tokenizer), a template, and has rows as a data file has them, with the lines expected of them.
The lines are made by apply_chat_template and decode alone: ids of the prompt with add_generation_prompt, ids of the whole
conversation, which end with the last EOS unless the set keeps the template's tail. Run it with a Python that has transformers (5.x).

usage: make_inspect_golden.py [--rows N] [--seed N] [OUT]
"""

import argparse
import json
import random
from pathlib import Path

from transformers import PreTrainedTokenizerFast

RESOURCES = Path(__file__).parent.parent / "resources"
# Llama's template asks for today's date where it is given none.
DATE = '{%- set date_string = "26 Jul 2024" %}'
SETS = [
    ("llama-3", "tiny-llama", "templates/llama-3.jinja", DATE, False),
    ("llama-3, tail kept", "tiny-llama", "templates/llama-3.jinja", DATE, True),
    ("qwen2.5", "tiny-qwen2", "templates/qwen2.5.jinja", "", False),
    ("qwen2.5, tail kept", "tiny-qwen2", "templates/qwen2.5.jinja", "", True),
    ("mistral", "tiny-llama", "templates/mistral.jinja", "", False),
    ("tulu", "tiny-llama", "inspect/tulu.jinja", "", False),
    ("documents", "tiny-qwen2", "inspect/documents.jinja", "", False),
]
WORDS = ["river", "mill", "plums", "naïve", "世界", "🙂🚲", "print(2 + 3)", "12,500", "it's", "Baum", "{{ 7 * 7 }}", "<b>", "a\tb", "\n\n", "—", "x"]
TOOLS = [
    {"type": "function", "function": {"name": "add", "description": "Adds 'a' and \"b\" <x>", "parameters": {
        "type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}}},
    {"type": "function", "function": {"name": "wetter", "description": "Wetter in München", "parameters": {"type": "object", "properties": {}}}},
]
DOCUMENTS = [{"title": "Plums", "text": "Plums ripen in autumn."}, {"title": "Fluß", "text": "The river <bends> twice."}]


def words(rng, low=1, high=8):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(low, high)))


def answer(rng):
    return "Answer " + words(rng).strip() + "."


def conversation(rng, system):
    turns = [{"role": "system", "content": words(rng)}] if system and rng.random() < 0.4 else []
    for _ in range(rng.randint(0, 2)):
        turns += [{"role": "user", "content": words(rng)}, {"role": "assistant", "content": answer(rng)}]
    return turns + [{"role": "user", "content": words(rng)}]


def row(rng, name, number):
    """A row, its conversation and its answers by side, in the layouts of data files."""
    # Mistral's template moves the system message once the last turn is an answer: such a row is an error.
    turns, one, two = conversation(rng, name != "mistral"), answer(rng), answer(rng) + " Else."
    turn = lambda text: {"role": "assistant", "content": text}
    layout = ["pair", "pair", "implicit", "pair"][number % 4]
    if layout == "implicit":
        data = {"chosen": turns + [turn(one)], "rejected": turns + [turn(two)]}
    else:
        data = {"prompt": turns, "chosen": [turn(one)], "rejected": [turn(two)]}
    extra = {}
    if name == "documents":
        extra["documents"] = DOCUMENTS[: rng.randint(1, 2)]
    elif name != "tulu" and rng.random() < 0.5:
        extra["tools"] = TOOLS[: rng.randint(1, 2)]
    return {**data, **extra}, turns, {"chosen": one, "rejected": two}, extra


def lines(tokenizer, number, turns, answers, extra, keep_tail):
    plain = {"tokenize": True, "return_dict": False}
    prompt = tokenizer.apply_chat_template(turns, add_generation_prompt=True, **plain, **extra)
    prompt_text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False, **extra)
    for side, text in answers.items():
        ids = tokenizer.apply_chat_template(turns + [{"role": "assistant", "content": text}], **plain, **extra)
        assert ids[: len(prompt)] == prompt, (side, number)
        if not keep_tail:
            ids = ids[: len(ids) - ids[::-1].index(tokenizer.eos_token_id)]
        yield {"row": number, "side": side, "prompt_text": prompt_text, "text": tokenizer.decode(ids), "ids": ids,
               "prompt_tokens": len(prompt)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=5)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("out", nargs="?", type=Path, default=RESOURCES / "inspect" / "golden.json")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    sets = []
    for name, fixture, template, prefix, keep_tail in SETS:
        # AutoTokenizer would put the pre-tokenizer of Qwen2Tokenizer in the place of the file's own.
        tokenizer = PreTrainedTokenizerFast.from_pretrained(RESOURCES / "fixtures" / fixture)
        tokenizer.chat_template = prefix + (RESOURCES / template).read_text()
        one = {"name": name, "fixture": fixture, "template": template, "prefix": prefix, "keep_tail": keep_tail, "rows": [], "lines": []}
        for number in range(options.rows):
            data, turns, answers, extra = row(rng, name, number)
            one["rows"].append(data)
            one["lines"] += lines(tokenizer, number, turns, answers, extra, keep_tail)
        sets.append(one)
    body = ",\n".join(
        json.dumps({**one, "rows": None, "lines": None}, ensure_ascii=False)[:-1].replace(', "rows": null, "lines": null', "")
        + ',\n"rows": [\n' + ",\n".join(json.dumps(r, ensure_ascii=False) for r in one["rows"])
        + '],\n"lines": [\n' + ",\n".join(json.dumps(line, ensure_ascii=False) for line in one["lines"]) + "]}" for one in sets)
    options.out.write_text("[" + body + "]\n")


if __name__ == "__main__":
    main()
