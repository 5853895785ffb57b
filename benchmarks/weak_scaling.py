#!/usr/bin/env python3
"""Compares a DPO step on several ranks of one thread with one rank of one thread; each rank has a batch of its own, of equal size.

usage: weak_scaling.py --bench target/bench/model_bench [--ranks 2] [--shards none,optimizer,gradients,weights] [--rounds 5]
                       [--shape 30m] [--dtype f32] [--prompts 4] [--csv FILE]

Each round times one rank alone, then as many of them at once that know nothing of each other, and then the ranks with each kind of sharing.
The table has the medians of tokens a second, and of the rounds' shares: a round's ranks against as many times its one rank, so that both
meet the same noise of the machine. What those at once lack to 1 is the machine's: its memory and clock, not what ranks say to each
other. The exit status is 1 where a share is below the bound. A machine needs a core for each rank, and nothing else to do.
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


APART = "apart"


def command_of(shard):
    return [arguments.bench, "--jobs", "dpo", "--shard", shard, "--shape", arguments.shape, "--dtype", arguments.dtype, "--threads", "1",
            "--prompts", str(arguments.prompts), "--reps", "3"]


def started(command):
    # mpirun wants this of root, and means it.
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def result_of(process, ranks):
    """What model_bench says."""
    out, said = process.communicate()
    if process.returncode != 0:
        sys.exit(f"weak_scaling: {' '.join(process.args)} failed:\n{said.strip()}")
    result = json.loads(out.splitlines()[-1])
    if result["ranks"] != ranks:
        sys.exit(f"weak_scaling: {' '.join(process.args)} ran on {result['ranks']} ranks; is this mpirun the Open MPI that metaapo was built with?")
    return result


def measured(ranks, shard):
    """A run of the ranks; those apart count as one."""
    if shard == APART:
        results = [result_of(process, 1) for process in [started(command_of("none")) for _ in range(ranks)]]
        return dict(results[0], ranks=ranks, shard=APART, tokens_per_s=sum(result["tokens_per_s"] for result in results))
    launcher = ["mpirun", "-q", "--bind-to", "none", "-n", str(ranks)] if ranks > 1 else []
    return result_of(started(launcher + command_of(shard)), ranks)


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
    shards = [APART] + arguments.shards.split(",")
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
    print(f"{'ranks':>5} {'shard':10}{'tokens/s':>10}{'of the ideal':>14}{'bound':>8}")
    print(f"{1:5} {'':10}{statistics.median(one):10.0f}")
    missed = False
    for shard in shards:
        share = statistics.median(rate / (arguments.ranks * alone) for rate, alone in zip(many[shard], one))
        missed |= shard != APART and share < BOUND
        print(f"{arguments.ranks:5} {shard:10}{statistics.median(many[shard]):10.0f}{share:14.3f}" + (f"{BOUND:8.2f}" if shard != APART else ""))
    sys.exit(1 if missed else 0)


main()
