#!/usr/bin/env python3
"""Compares a DPO step on several ranks of one thread with one rank of one thread; each rank has a batch of its own, of equal size.

usage: weak_scaling.py --bench target/bench/model_bench [--ranks 2] [--shards none,optimizer,gradients,weights] [--rounds 5]
                       [--shape 30m] [--dtype f32] [--prompts 4] [--csv FILE]

Each round times one rank alone and then the ranks with each kind of sharing, so that all meet the same noise of the machine. The table
has the medians of tokens a second, and the ranks' as a share of as many times that of one. The exit status is 1 where a share is below
the bound. A machine needs a core for each rank, and nothing else to do.
"""
import argparse
import csv
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys

BOUND = 0.90

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--bench", required=True, help="the model_bench program")
parser.add_argument("--ranks", type=int, default=2)
parser.add_argument("--shards", default="none,optimizer,gradients,weights")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--shape", default="30m")
parser.add_argument("--dtype", default="f32")
parser.add_argument("--prompts", type=int, default=4, help="prompts of a rank's batch")
parser.add_argument("--csv", help="append each round to this file")
arguments = parser.parse_args()


def measured(ranks, shard):
    """What model_bench says of one run."""
    command = [arguments.bench, "--jobs", "dpo", "--shard", shard, "--shape", arguments.shape, "--dtype", arguments.dtype, "--threads", "1",
               "--prompts", str(arguments.prompts), "--reps", "3"]
    if ranks > 1:
        command = ["mpirun", "-q", "--bind-to", "none", "-n", str(ranks)] + command
    # mpirun wants this of root, and means it.
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"weak_scaling: {' '.join(command)} failed:\n{done.stderr.strip()}")
    result = json.loads(done.stdout.splitlines()[-1])
    if result["ranks"] != ranks:
        sys.exit(f"weak_scaling: {' '.join(command)} ran on {result['ranks']} ranks; is this mpirun the Open MPI that metaapo was built with?")
    return result


def keep(round_number, alone, result):
    """Appends what a run of a round came to, beside one rank's tokens a second in it."""
    row = {"date": datetime.date.today().isoformat(), "shape": arguments.shape, "dtype": arguments.dtype, "prompts": arguments.prompts, "round": round_number,
           "ranks": result["ranks"], "shard": result["shard"], "tokens_per_s": result["tokens_per_s"],
           "of_the_ideal": f"{result['tokens_per_s'] / (result['ranks'] * alone):.3f}", "threads": 1, "isa": result["isa"], "machine": machine()}
    path = pathlib.Path(arguments.csv)
    is_new = not path.exists()
    with path.open("a", newline="") as out:
        writer = csv.DictWriter(out, row.keys())
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def machine():
    with open("/proc/cpuinfo") as lines:
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "a processor")
    return f"{name}, {len(os.sched_getaffinity(0))} cores"


def main():
    if arguments.ranks < 2 or arguments.ranks > len(os.sched_getaffinity(0)):
        sys.exit(f"weak_scaling: --ranks is {arguments.ranks}; expected 2 to {len(os.sched_getaffinity(0))}, a core for each")
    shards = arguments.shards.split(",")
    one, many = [], {shard: [] for shard in shards}
    for round_number in range(arguments.rounds):
        results = [measured(1, "none")]
        one.append(results[0]["tokens_per_s"])
        for shard in shards:
            results.append(measured(arguments.ranks, shard))
            many[shard].append(results[-1]["tokens_per_s"])
        for result in results if arguments.csv else []:
            keep(round_number + 1, one[-1], result)
        print(f"round {round_number + 1} of {arguments.rounds}: one rank {one[-1]:.0f}, " + ", ".join(f"{s} {many[s][-1]:.0f}" for s in shards) + " tokens/s",
              file=sys.stderr)
    alone = statistics.median(one)
    print(f"{'ranks':>5} {'shard':10}{'tokens/s':>10}{'of the ideal':>14}{'bound':>8}")
    print(f"{1:5} {'':10}{alone:10.0f}")
    missed = False
    for shard in shards:
        share = statistics.median(many[shard]) / (arguments.ranks * alone)
        missed |= share < BOUND
        print(f"{arguments.ranks:5} {shard:10}{statistics.median(many[shard]):10.0f}{share:14.3f}{BOUND:8.2f}")
    sys.exit(1 if missed else 0)


main()
