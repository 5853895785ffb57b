#!/usr/bin/env python3
"""PyTorch's fused attention, forward and backward, at the shapes of op_bench, on one GPU.

usage: torch_ops.py [--device cuda:0] [--sequence 4096] [--tokens 8192] [--dtype bf16]

Causal, grouped heads of 128, for the shapes 1.5b and 8b. Each backend of scaled_dot_product_attention that takes the shape is
timed, and the best one is printed: one JSON line a case with the backend, microseconds and TFLOP/s. FLOPs as in op_bench:
4 for each visible key, head and coordinate forward, 2.5 times that backward.
"""
import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--device", default="cuda:0")
parser.add_argument("--sequence", type=int, default=4096)
parser.add_argument("--tokens", type=int, default=8192)
parser.add_argument("--dtype", default="bf16", choices=["f32", "bf16"])
arguments = parser.parse_args()

HEADS = {"1.5b": (12, 2), "8b": (32, 8)}
BACKENDS = [SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]
device = torch.device(arguments.device)
dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[arguments.dtype]


def wait():
    if device.type == "cuda":
        torch.cuda.synchronize()


def seconds(run, rounds=5, budget=0.02):
    run()
    wait()
    start = time.perf_counter()
    run()
    wait()
    count = max(1, min(1000, int(budget / max(time.perf_counter() - start, 1e-7))))
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(count):
            run()
        wait()
        times.append((time.perf_counter() - start) / count)
    return statistics.median(times)


def measure(heads, groups, backend):
    batch, length, width = arguments.tokens // arguments.sequence, arguments.sequence, 128
    q = torch.randn(batch, heads, length, width, device=device, dtype=dtype, requires_grad=True)
    # Key heads repeated beforehand: not every backend takes groups, and the repetition is not what is timed.
    k, v = (torch.randn(batch, groups, length, width, device=device, dtype=dtype).repeat_interleave(heads // groups, 1).requires_grad_() for _ in "kv")
    with sdpa_kernel(backend):
        forward = seconds(lambda: F.scaled_dot_product_attention(q.detach(), k.detach(), v.detach(), is_causal=True))
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        dout = torch.randn_like(out)
        backward = seconds(lambda: torch.autograd.grad(out, (q, k, v), dout, retain_graph=True))
    flops = 4 * batch * length * (length + 1) / 2 * heads * width
    return {"attention_forward": (forward, flops), "attention_backward": (backward, 2.5 * flops)}


for shape, (heads, groups) in HEADS.items():
    best = {}
    for backend in BACKENDS if device.type == "cuda" else [SDPBackend.MATH]:
        try:
            found = measure(heads, groups, backend)
        except RuntimeError:  # this backend does not take the shape
            continue
        for op, (time_taken, flops) in found.items():
            if op not in best or time_taken < best[op][0]:
                best[op] = (time_taken, flops, backend.name)
    for op, (time_taken, flops, name) in best.items():
        print(json.dumps({"op": op, "shape": shape, "dtype": arguments.dtype, "tokens": arguments.tokens, "sequence": arguments.sequence, "backend": name,
                          "microseconds": round(time_taken * 1e6, 2), "tflop_per_s": round(flops / time_taken / 1e12, 4), "torch": torch.__version__}), flush=True)
