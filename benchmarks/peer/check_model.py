#!/usr/bin/env python3
"""Checks that transformers loads a model folder and gives the log-probs that metaapo gives.

usage: check_model.py --model FOLDER --data pairs.jsonl --scores scores.jsonl [--tolerance 1e-3]

`scores.jsonl` is what `metaapo score --model FOLDER --data pairs.jsonl --out scores.jsonl --dtype f32` wrote. Rows are
conversational: prompt, chosen and rejected are lists of messages, or chosen and rejected hold the whole conversation.
"""
import argparse
import json
import sys

import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", required=True)
parser.add_argument("--data", required=True)
parser.add_argument("--scores", required=True)
parser.add_argument("--tolerance", type=float, default=1e-3, help="of a sum of log-probs, absolute")
arguments = parser.parse_args()

# tokenizer.json as it is: AutoTokenizer puts a model family's own pre-tokenizer in its place.
tokenizer = PreTrainedTokenizerFast.from_pretrained(arguments.model)
model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32).eval()


def ids_of(messages, generation):
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generation)
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def answer_sum(prompt, answer):
    start = ids_of(prompt, True)
    whole = ids_of(prompt + answer, False)
    # What a template writes after the last end of turn is no part of the answer.
    ends = [i for i, token in enumerate(whole) if token == tokenizer.eos_token_id]
    whole = whole[: ends[-1] + 1]
    with torch.no_grad():
        logps = model(torch.tensor([whole])).logits[0, :-1].log_softmax(-1)
    targets = torch.tensor(whole[1:])
    return float(logps.gather(1, targets[:, None])[len(start) - 1 :].double().sum())


worst = 0.0
with open(arguments.data) as data, open(arguments.scores) as scores:
    rows = [json.loads(line) for line in data]
    ours = [json.loads(line) for line in scores]
if len(rows) != len(ours):
    sys.exit(f"check_model: {len(rows)} rows, {len(ours)} scores; rows were dropped")
for row, score in zip(rows, ours):
    for side in ("chosen", "rejected"):
        prompt, answer = row.get("prompt"), row[side]
        if not isinstance(prompt, list):
            prompt, answer = answer[:-1], answer[-1:]
        worst = max(worst, abs(answer_sum(prompt, answer[-1:]) - score[f"{side}_logp"]))
print(f"{len(rows)} pairs, largest difference of a log-prob sum {worst:.2e}")
sys.exit(0 if worst <= arguments.tolerance else f"check_model: more than {arguments.tolerance:g}")
