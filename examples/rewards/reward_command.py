#!/usr/bin/env python3
"""A command for `reward.command`: a JSON line in, a JSON line out, until the input ends. Print nothing else to standard output."""
import json
import sys


def reward(messages, answer):
    """One finite number; larger is better."""
    return float("please" in answer.lower() or "thank" in answer.lower()) - len(answer) / 1000


for line in sys.stdin:
    items = json.loads(line)["items"]
    scored = [{"id": item["id"], "scores": [reward(item["messages"], a) for a in item["answers"]]} for item in items]
    print(json.dumps({"items": scored}), flush=True)
