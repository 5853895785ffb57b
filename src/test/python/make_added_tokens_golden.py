#!/usr/bin/env python3
"""What transformers makes of tokens that tokenizer_config.json adds to tokenizer.json: `added_tokens_decoder`, named special tokens
and `additional_special_tokens`, in a folder with the tokenizer.json of the fixture tiny-qwen2. Needs transformers.

usage: make_added_tokens_golden.py src/test/resources
"""
import json
import pathlib
import sys
import tempfile

from transformers import AutoTokenizer

resources = pathlib.Path(sys.argv[1])
source = json.loads((resources / "fixtures/tiny-qwen2/tokenizer.json").read_text())
base = {str(token["id"]): {key: value for key, value in token.items() if key != "id"} for token in source["added_tokens"]}


def token(content, special=True, **flags):
    return {"content": content, "special": special, "lstrip": False, "rstrip": False, "single_word": False, "normalized": False} | flags


cases = {
    "nothing": {},
    "the tokens of tokenizer.json": {"added_tokens_decoder": base},
    "a special token more": {"added_tokens_decoder": base | {"483": token("[X]")}},
    "a plain token more": {"added_tokens_decoder": base | {"483": token("[X]", False)}},
    "two tokens more, in the order of their ids": {"added_tokens_decoder": base | {"484": token("[Y]"), "483": token("[X]", False)}},
    "a token that takes the blanks around it": {"added_tokens_decoder": base | {"483": token("[X]", lstrip=True, rstrip=True)}},
    "a special token that is said to be none": {"added_tokens_decoder": base | {"481": token("<|im_start|>", False)}},
    "a word of the vocabulary": {"added_tokens_decoder": base | {"55": token("X")}},
    "another of its tokens beside them": {"additional_special_tokens": ["[X]", "<|im_start|>"]},
    "a padding token that is not there": {"pad_token": "[PAD]"},
    "flags of a token that is there": {"added_tokens_decoder": base | {"481": token("<|im_start|>", lstrip=True, rstrip=True)}},
    "a plain token that is there, special in its list": {"added_tokens_decoder": base, "stored": {"<|im_start|>": {"special": False}}},
    "a plain token that is there, the end token": {"stored": {"<|im_end|>": {"special": False}}},
    "a plain token that is there, among others": {"additional_special_tokens": ["<|im_start|>"], "stored": {"<|im_start|>": {"special": False}}},
    "an end token that takes blanks": {"stored": {"<|im_end|>": {"lstrip": True, "rstrip": True}}},
    "an end token as an object": {"eos_token": token("[X]") | {"__type": "AddedToken"}},
}
text = "a <|im_start|> user\nhi<|im_end|> [X] b[Y][PAD]<|endoftext|>"
golden = []
for name, changes in cases.items():
    stored = json.loads(json.dumps(source))
    for added in stored["added_tokens"]:
        added |= changes.get("stored", {}).get(added["content"], {})
    changes = {key: value for key, value in changes.items() if key != "stored"}
    config = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "tokenizer_class": "PreTrainedTokenizerFast"} | changes
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "tokenizer.json").write_text(json.dumps(stored))
        (pathlib.Path(folder) / "tokenizer_config.json").write_text(json.dumps(config))
        tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer.encode(text, add_special_tokens=False)
    golden.append({"name": name, "config": config, "added_tokens": stored["added_tokens"], "text": text, "ids": ids, "shown": tokenizer.decode(ids, skip_special_tokens=True),
                   "size": len(tokenizer)})
(resources / "tokenizers/added-tokens.json").write_text(json.dumps(golden, indent=1) + "\n")
