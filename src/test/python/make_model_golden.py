#!/usr/bin/env python3
"""Makes tiny random models whose keys the other fixtures leave alone, and what transformers computes with them: windows by layer
(`layer_types`), a padding token that rows hold, and a reward model whose padding token ends its rows.

Writes for a language model NAME: NAME/ (config.json, model.safetensors), NAME.golden.json (log-probs of 8 pairs, the loss of the
mean of pair_weights[i] * DPO, five AdamW steps, greedy answers), NAME.grads.safetensors and NAME.after5.safetensors; for a reward
model NAME/ and NAME.golden.json. Needs torch and transformers 5.

usage: make_model_golden.py src/test/resources/fixtures
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, LlamaConfig, MinistralConfig, Qwen2Config

FOLDER = pathlib.Path(sys.argv[1])
VOCABULARY = 61
END = 7
BETA = 0.1


def randomize(model, seed, deviation):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator) * deviation
            parameter.copy_(1 + noise if "norm" in name else noise)


def write(name, model, changes):
    """Saves the model and changes its config.json, then reads it as a user would."""
    model.save_pretrained(FOLDER / name)
    (FOLDER / name / "generation_config.json").unlink(missing_ok=True)
    path = FOLDER / name / "config.json"
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(config, indent=2) + "\n")


def ids(generator, low, high):
    count = int(torch.randint(low, high, (1,), generator=generator))
    return torch.randint(8, VOCABULARY, (count,), generator=generator).tolist()


def answer_logps(model, prompt, answer):
    logits = model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
    return torch.log_softmax(logits, -1).gather(1, torch.tensor(answer)[:, None])[:, 0]


def language_model(name, config, changes, inner):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    randomize(model, 1, 0.18)
    write(name, model, changes)
    model = AutoModelForCausalLM.from_pretrained(FOLDER / name, dtype=torch.float32).eval()
    reference = AutoModelForCausalLM.from_pretrained(FOLDER / name, dtype=torch.float32).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.03)
    pairs = []
    for i in range(8):
        prompt = ids(generator, 8, 30)
        prompt[3] = inner  # a turn's end inside of the prompt
        sides = {}
        for side in ("chosen", "rejected"):
            answer = ids(generator, 3, 30) + [END]
            with torch.no_grad():
                logps, known = answer_logps(model, prompt, answer), answer_logps(reference, prompt, answer)
            sides[side] = {"ids": prompt + answer, "prompt_tokens": len(prompt), "logps": logps.tolist(),
                           "logp_sum": float(logps.double().sum()), "ref_logp_sum": float(known.double().sum())}
        pairs.append(sides)
    weights = [0.15 + 0.1 * i for i in range(8)]

    def loss():
        total = 0
        for pair, weight in zip(pairs, weights):
            ratio = {}
            for side, answer in pair.items():
                split = answer["prompt_tokens"]
                ratio[side] = answer_logps(model, answer["ids"][:split], answer["ids"][split:]).sum() - answer["ref_logp_sum"]
            total = total - weight / len(pairs) * torch.nn.functional.logsigmoid(BETA * (ratio["chosen"] - ratio["rejected"]))
        return total

    adamw = {"lr": 1e-3, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.01, "clip": 1.0, "curve": []}
    first = loss()
    first.backward()
    save_file({n: p.grad.contiguous() for n, p in model.named_parameters()}, FOLDER / f"{name}.grads.safetensors")
    model.zero_grad()

    greedy = []
    for pair in pairs[:4]:
        prompt = pair["chosen"]["ids"][: pair["chosen"]["prompt_tokens"]]
        with torch.no_grad():
            out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                                 do_sample=False, max_new_tokens=40, eos_token_id=END, pad_token_id=END)
        greedy.append({"prompt_ids": prompt, "new_ids": out[0, len(prompt):].tolist()})

    optimizer = torch.optim.AdamW(model.parameters(), lr=adamw["lr"], betas=tuple(adamw["betas"]), eps=adamw["eps"],
                                  weight_decay=adamw["weight_decay"])
    for _ in range(5):
        value = loss()
        value.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), adamw["clip"])
        adamw["curve"].append({"loss": float(value), "grad_norm": float(norm)})
        optimizer.step()
        optimizer.zero_grad()
    save_file({n: p.detach().contiguous() for n, p in model.named_parameters()}, FOLDER / f"{name}.after5.safetensors")
    golden = {"beta": BETA, "pair_weights": weights, "loss": float(first), "pairs": pairs, "adamw": adamw, "greedy": greedy}
    (FOLDER / f"{name}.golden.json").write_text(json.dumps(golden) + "\n")


def reward_model(name):
    config = LlamaConfig(vocab_size=VOCABULARY, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
                         num_key_value_heads=2, max_position_embeddings=128, pad_token_id=END, eos_token_id=END, bos_token_id=1,
                         num_labels=1, architectures=["LlamaForSequenceClassification"])
    model = AutoModelForSequenceClassification.from_config(config)
    randomize(model, 3, 0.25)
    write(name, model, {})
    path = FOLDER / name / "config.json"
    config = json.loads(path.read_text())
    model = AutoModelForSequenceClassification.from_pretrained(FOLDER / name, dtype=torch.float32).eval()
    for key in ("id2label", "label2id"):
        config.pop(key)  # the score tensor tells
    path.write_text(json.dumps(config, indent=2) + "\n")
    generator = torch.Generator().manual_seed(4)
    rows = []
    for ending in ([], [END], [END, END, END], [END, 9], None):
        for _ in range(2):
            prompt, answer = ids(generator, 2, 12), ids(generator, 1, 12)
            if ending is None:
                answer = [END] * len(answer)  # the score is read in the prompt
            else:
                answer += ending
            rows.append((prompt, answer))
    rows.append(([END, END], [END]))  # nothing but padding: the first token
    golden = []
    for prompt, answer in rows:
        with torch.no_grad():
            score = float(model(torch.tensor([prompt + answer])).logits[0, 0])
        golden.append({"prompt_ids": prompt, "answer_ids": answer, "score": score})
    (FOLDER / f"{name}.golden.json").write_text(json.dumps(golden) + "\n")


sizes = {"vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2,
         "max_position_embeddings": 128, "eos_token_id": END, "bos_token_id": None, "sliding_window": 12}
language_model(
    "tiny-qwen2-windows",
    Qwen2Config(**sizes, num_hidden_layers=4, pad_token_id=3, use_sliding_window=True, max_window_layers=0, tie_word_embeddings=True,
                layer_types=["sliding_attention", "full_attention", "full_attention", "sliding_attention"]),
    {}, END)
# transformers reads a Mistral with layer_types as a Ministral, which is the same with a window by layer.
language_model(
    "tiny-mistral-windows",
    MinistralConfig(**sizes, num_hidden_layers=3, pad_token_id=END, head_dim=12,
                    layer_types=["full_attention", "sliding_attention", "full_attention"]),
    {"model_type": "mistral", "architectures": ["MistralForCausalLM"]}, END)
reward_model("tiny-rm-padding")
