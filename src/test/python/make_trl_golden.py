"""Writes what TRL's trainers log, step by step and on held-out rows, to src/test/resources/fixtures/trl_metrics.json.

The eight pairs of the fixtures as one batch, six steps with a constant rate; held out are the same pairs, after each step. DPO and IPO
compare with tiny-llama-ref, SimPO is the CPO trainer's loss of that name, the reward model is tiny-rm, which keeps what its template
writes after the last end-of-turn token. Run it with a Python that has trl (1.16) and transformers (5.x).

usage: make_trl_golden.py [OUT]
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer
from trl.experimental.cpo import CPOConfig, CPOTrainer

FIXTURES = Path(__file__).parent.parent / "resources" / "fixtures"
NAMES = ["loss", "logps", "rewards", "accuracy", "margin", "mean_reward"]


def settings(kind, **more):
    return kind(
        output_dir=tempfile.mkdtemp(), per_device_train_batch_size=8, per_device_eval_batch_size=8, num_train_epochs=6, learning_rate=2e-4,
        lr_scheduler_type="constant", warmup_steps=0, adam_beta1=0.9, adam_beta2=0.95, adam_epsilon=1e-8, weight_decay=0, max_grad_norm=1.0,
        logging_steps=1, eval_strategy="epoch", save_strategy="no", report_to=[], use_cpu=True, bf16=False, gradient_checkpointing=False,
        disable_dropout=True, max_length=512, **more)


def lines(trainer):
    """Step lines and lines on held-out rows, each with the names that TRL gives them."""
    trainer._get_train_sampler = lambda *a, **k: torch.utils.data.SequentialSampler(trainer.train_dataset)
    trainer.train()
    kept = [{k: v for k, v in line.items() if k.removeprefix("eval_").split("/")[0] in NAMES} for line in trainer.state.log_history]
    return {"steps": [line for line in kept if "loss" in line], "evaluations": [line for line in kept if "eval_loss" in line]}


def model(name, kind=AutoModelForCausalLM):
    return kind.from_pretrained(FIXTURES / name, dtype=torch.float32)


def tokenizer(name):
    found = AutoTokenizer.from_pretrained(FIXTURES / name)
    found.pad_token = found.pad_token or found.eos_token
    return found


def main():
    rows = [json.loads(line) for line in (FIXTURES / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    pairs = Dataset.from_list([{name: row[name] for name in ("chosen", "rejected")} for row in rows])
    data = {"train_dataset": pairs, "eval_dataset": pairs}
    curves = {}
    for name, loss in (("dpo", "sigmoid"), ("ipo", "ipo"), ("hinge", "hinge")):
        curves[name] = lines(DPOTrainer(
            model=model("tiny-llama"), ref_model=model("tiny-llama-ref"), args=settings(DPOConfig, loss_type=[loss], beta=0.1),
            processing_class=tokenizer("tiny-llama"), **data))
    curves["simpo"] = lines(CPOTrainer(
        model=model("tiny-llama"), args=settings(CPOConfig, loss_type="simpo", cpo_alpha=0.0, beta=2.5, simpo_gamma=0.6),
        processing_class=tokenizer("tiny-llama"), **data))
    curves["reward-model"] = lines(RewardTrainer(
        model=model("tiny-rm", AutoModelForSequenceClassification), args=settings(RewardConfig), processing_class=tokenizer("tiny-rm"), **data))
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else FIXTURES / "trl_metrics.json"
    out.write_text(json.dumps(curves, indent=1) + "\n", encoding="utf-8")


main()
