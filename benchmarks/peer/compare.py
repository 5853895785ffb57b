#!/usr/bin/env python3
"""Compares metaapo with PyTorch + transformers on the three hot jobs, interleaved in one run.

usage: compare.py --bench target/native/model_bench --python PEER/bin/python [--dtypes f32,bf16] [--rounds 5] [--threads 2]
                  [--shape 30m] [--prompts 4] [--adapter-rank R] [--csv FILE]

Each round starts the peer and then metaapo, once for each job and dtype, so that both meet the same noise of the machine.
The table has the medians over rounds and their ratio. tokens/s counts the tokens of the padded job for both sides. With
--adapter-rank both sides train and run a low-rank adapter on all projections (the peer by peft), and a line more says how a DPO step
of it compares with metaapo's own of the whole model, measured in the same rounds.
"""
import argparse
import csv
import json
import pathlib
import platform
import statistics
import subprocess
import sys
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--bench", required=True, help="the model_bench program")
parser.add_argument("--python", required=True, help="a Python with torch and transformers")
parser.add_argument("--dtypes", default="f32,bf16")
parser.add_argument("--jobs", default="score,dpo,generate")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--shape", default="30m")
parser.add_argument("--prompts", type=int, default=4, help="prompts of a job")
parser.add_argument("--adapter-rank", type=int, default=0)
parser.add_argument("--csv", help="append the medians to this file")
arguments = parser.parse_args()

PEER = pathlib.Path(__file__).with_name("torch_peer.py")
BOUNDS = {"score": 1.6, "dpo": 1.6, "generate": 6.0}
ADAPTER_BOUNDS = dict(BOUNDS, dpo=2.0)  # a peer's step with an adapter saves less than ours
OWN_BOUND = 1.25  # of a DPO step with an adapter against one of the whole model


def run(command, job, dtype, adapter_rank):
    full = command + ["--adapter-rank", str(adapter_rank), "--jobs", job, "--dtype", dtype, "--shape", arguments.shape, "--threads", str(arguments.threads),
                      "--prompts", str(arguments.prompts), "--reps", "1"]
    done = subprocess.run(full, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"compare: {' '.join(full)} failed:\n{done.stderr.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def main():
    rows, own = [], []
    rank = arguments.adapter_rank
    for dtype in arguments.dtypes.split(","):
        for job in arguments.jobs.split(","):
            peer, ours, whole = [], [], []
            for round_number in range(arguments.rounds):
                peer.append(run([arguments.python, str(PEER)], job, dtype, rank))
                ours.append(run([arguments.bench], job, dtype, rank))
                if rank and job == "dpo":
                    whole.append(run([arguments.bench], job, dtype, 0))
                print(f"{dtype} {job} round {round_number + 1} of {arguments.rounds}: torch {peer[-1]['tokens_per_s']:.0f}, "
                      f"metaapo {ours[-1]['tokens_per_s']:.0f} tokens/s", file=sys.stderr)
            a, b = (statistics.median(r["tokens_per_s"] for r in side) for side in (peer, ours))
            if whole:
                own.append((dtype, b / statistics.median(r["tokens_per_s"] for r in whole)))
            name = f"{job}-lora{rank}" if rank else job
            rows.append(dict(date=time.strftime("%Y-%m-%d"), shape=arguments.shape, dtype=dtype, job=name, prompts=arguments.prompts,
                             rounds=arguments.rounds, torch=peer[0]["torch"], torch_tokens_per_s=round(a, 1),
                             metaapo_tokens_per_s=round(b, 1), ratio=round(b / a, 2), bound=(ADAPTER_BOUNDS if rank else BOUNDS)[job],
                             threads=arguments.threads, isa=ours[0]["isa"], machine=cpu()))
            if arguments.csv:
                append(rows[-1])
    print(f"{'dtype':6}{'job':16}{'torch tok/s':>14}{'metaapo tok/s':>15}{'ratio':>8}{'bound':>8}")
    for r in rows:
        print(f"{r['dtype']:6}{r['job']:16}{r['torch_tokens_per_s']:14.1f}{r['metaapo_tokens_per_s']:15.1f}{r['ratio']:8.2f}{r['bound']:8.1f}")
    for dtype, ratio in own:
        print(f"{dtype}: a DPO step of rank {rank} is {ratio:.2f} times as fast as one of the whole model (bound {OWN_BOUND})")


def append(row):
    path = pathlib.Path(arguments.csv)
    fresh = not path.exists()
    with path.open("a", newline="") as out:
        writer = csv.DictWriter(out, row.keys())
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def cpu():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


main()
