"""Which modules PEFT adapts, and with which rank and scale, for adapter configurations of many kinds: src/test/resources/adapters/golden.json.

usage: python make_adapter_golden.py MODEL_FOLDER > golden.json   (needs peft and transformers; MODEL_FOLDER is fixtures/tiny-llama)
"""
import json
import sys
import tempfile

from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
CASES = {
    "query and value": dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"]),
    "all": dict(r=4, lora_alpha=8, target_modules=ALL),
    "all-linear": dict(r=2, lora_alpha=8, target_modules="all-linear"),
    "rank-stabilised": dict(r=8, lora_alpha=8, use_rslora=True, target_modules=ALL),
    "suffix of a path": dict(r=4, lora_alpha=4, target_modules=["mlp.up_proj", "self_attn.o_proj"]),
    "whole paths": dict(r=4, lora_alpha=4, target_modules=["model.layers.1.mlp.up_proj", "model.layers.0.self_attn.q_proj"]),
    "expression": dict(r=4, lora_alpha=4, target_modules=r".*layers\.(0|1)\.self_attn\.[qk]_proj"),
    "expression with a group": dict(r=4, lora_alpha=4, target_modules=r"model\.layers\.(?P<layer>\d+)\.mlp\.(up|down)_proj"),
    "one layer": dict(r=4, lora_alpha=4, target_modules=["q_proj", "down_proj"], layers_to_transform=1),
    "layers of a pattern": dict(r=4, lora_alpha=4, target_modules=["q_proj"], layers_to_transform=[0], layers_pattern="layers"),
    "a path beside layers": dict(r=4, lora_alpha=4, target_modules=["q_proj", "model.layers.1.mlp.up_proj"], layers_to_transform=[0]),
    "excluded names": dict(r=4, lora_alpha=4, target_modules=ALL, exclude_modules=["o_proj", "model.layers.0.mlp.up_proj"]),
    "excluded expression": dict(r=4, lora_alpha=4, target_modules=ALL, exclude_modules=r".*layers\.0\..*"),
    "rank pattern": dict(r=4, lora_alpha=8, target_modules=ALL, rank_pattern={"q_proj": 2, r"layers\.1\..*": 3, "model.layers.0.mlp.up_proj": 6}),
    "alpha pattern": dict(r=4, lora_alpha=8, target_modules=ALL, alpha_pattern={r"0\.mlp\.(up|gate)_proj": 16, "proj": 12}),
    "patterns, rank-stabilised": dict(r=4, lora_alpha=8, use_rslora=True, target_modules=ALL, rank_pattern={"^model.layers.0.self_attn.k_proj": 9},
                                      alpha_pattern={"k_proj": 5}),
    "gaussian": dict(r=4, lora_alpha=8, target_modules=["q_proj"], init_lora_weights="gaussian"),
    "reward": dict(r=4, lora_alpha=8, target_modules=ALL, task_type="SEQ_CLS"),
    "dropout": dict(r=4, lora_alpha=8, target_modules=["v_proj"], lora_dropout=0.05, task_type="CAUSAL_LM"),
}


def fresh(case):
    if case.get("task_type") == "SEQ_CLS":
        return AutoModelForSequenceClassification.from_pretrained(sys.argv[1], num_labels=1)
    return AutoModelForCausalLM.from_pretrained(sys.argv[1])


def adapted(case):
    with tempfile.TemporaryDirectory() as folder:
        get_peft_model(fresh(case), LoraConfig(**case)).save_pretrained(folder)
        config = json.load(open(folder + "/adapter_config.json"))
        # Read back, for saving sorts the patterns' keys, of which the first that fits counts.
        model = get_peft_model(fresh(case), LoraConfig.from_pretrained(folder))
    config["base_model_name_or_path"] = "tiny-llama"
    for key in ("target_modules", "exclude_modules"):  # a set in PEFT, whose order changes
        if isinstance(config.get(key), list):
            config[key] = sorted(config[key])
    modules = {}
    for name, module in model.named_modules():
        if hasattr(module, "lora_A") and module.lora_A:
            modules[name.removeprefix("base_model.model.")] = [module.r["default"], module.scaling["default"]]
    return {"config": config, "modules": modules}


lines = [f" {json.dumps(name)}: {json.dumps(adapted(case))}" for name, case in CASES.items()]
print("{\n" + ",\n".join(lines) + "\n}")
