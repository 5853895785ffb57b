"""Asks a served model for golden answers at temperature 0 by the openai package, streamed and not: text and why it ended must be equal.
usage: golden_answers.py http://127.0.0.1:8000/v1 MODEL golden.json     (serve with --dtype f32)
golden.json: {"greedy": [{"prompt": messages, "prompt_ids": [...], "ids": [...], "text": "..."}]}, greedy answers of transformers in float32, which a
stop token ends, or 48 tokens. Exit 1 if any differs."""
import json
import os
import sys

import openai

base, model, path = sys.argv[1:4]
client = openai.OpenAI(base_url=base, api_key=os.environ.get("METAAPO_API_KEY", "none"), max_retries=0, timeout=300)
answers = json.load(open(path))["greedy"]
most = max(len(a["ids"]) for a in answers)
differ = 0
for number, golden in enumerate(answers):
    ask = {"model": model, "messages": golden["prompt"], "temperature": 0, "max_tokens": most}
    reason = "length" if len(golden["ids"]) == most else "stop"
    whole = client.chat.completions.create(**ask)
    streamed, finish = "", None
    for chunk in client.chat.completions.create(stream=True, **ask):
        for choice in chunk.choices:
            streamed += choice.delta.content or ""
            finish = choice.finish_reason or finish
    found = [(whole.choices[0].message.content, whole.choices[0].finish_reason), (streamed, finish)]
    counts = (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (len(golden["prompt_ids"]), len(golden["ids"]))
    same = found == [(golden["text"], reason)] * 2 and counts
    differ += not same
    print(f"{'ok  ' if same else 'FAIL'} {number}: {reason}, {golden['text'][:60]!r}" + ("" if same else f"; found {found}, {whole.usage}"), flush=True)
print(f"{len(answers) - differ} of {len(answers)} equal")
sys.exit(1 if differ else 0)
