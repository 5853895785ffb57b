#!/usr/bin/env python3
"""Compares a run that is watched by many readers with the same run alone.

usage: watched_run.py CONFIG.yaml [KEY=VALUE ...] [--readers 20] [--rounds 5] [--port 8771]

Each round trains CONFIG twice, in turn: alone, and with `--watch` while readers follow the stream of events that a page follows (no browser: its own
work is not the run's). Told are the seconds that the run's parts took by its own count, and those of its later half of steps, which know nothing of
how long the server takes to start; then the medians of the rounds' ratios. The output folder is a temporary one. Needs a build, and the standard library alone; metaapo demo writes a CONFIG that serves, demo/metaapo.yaml.
"""
import argparse
import http.client
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

PARTS = ("seconds_scoring", "seconds_sampling", "seconds_ranking", "seconds_training")

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("config")
parser.add_argument("keys", nargs="*")
parser.add_argument("--readers", type=int, default=20)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--port", type=int, default=8771)
arguments = parser.parse_args()
metaapo = pathlib.Path(__file__).resolve().parents[1] / "metaapo"


def follow(counts, i, is_over):
    """Reads events until the run's server ends."""
    while not is_over.is_set():
        try:
            connection = http.client.HTTPConnection("127.0.0.1", arguments.port, timeout=60)
            connection.request("GET", "/events")
            for line in connection.getresponse():
                counts[i] += line.startswith(b"data:")
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)


def run(readers):
    """Seconds of the run's parts and of its later steps, and how many events were read."""
    with tempfile.TemporaryDirectory() as name:
        out = pathlib.Path(name) / "run"
        command = [metaapo, "train", arguments.config, f"out={out}", *arguments.keys, "--quiet"]
        if readers:
            command += ["--watch", "--watch-port", str(arguments.port)]
        is_over, counts = threading.Event(), [0] * readers
        threads = [threading.Thread(target=follow, args=(counts, i, is_over)) for i in range(readers)]
        [thread.start() for thread in threads]
        done = subprocess.run(command, capture_output=True, text=True)
        is_over.set()
        [thread.join() for thread in threads]
        if done.returncode != 0:
            sys.exit(f"watched_run: {' '.join(map(str, command))} failed:\n{done.stderr.strip()}")
        if readers and min(counts) == 0:
            sys.exit(f"watched_run: {counts.count(0)} of {readers} readers got no event; is port {arguments.port} another's?")
        lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        steps = [line["seconds"] for line in lines if "loss" in line]
        return sum(lines[-1][part] for part in PARTS), sum(steps[len(steps) // 2:]), sum(counts)


subprocess.run([metaapo, "version"], check=True, stdout=subprocess.DEVNULL)  # builds what is stale
ratios, later = [], []
for i in range(arguments.rounds):
    alone, alone_later, _ = run(0)
    watched, watched_later, events = run(arguments.readers)
    ratios.append(watched / alone)
    later.append(watched_later / alone_later)
    print(f"round {i + 1} of {arguments.rounds}: alone {alone:.2f} s, {alone_later:.2f} in the later steps; watched {watched:.2f} s, {watched_later:.2f}; "
          f"{events} events to {arguments.readers} readers", flush=True)
for name, values in ("whole run  ", ratios), ("later steps", later):
    print(f"{name}  watched over alone: median {statistics.median(values):.3f}, {min(values):.3f} to {max(values):.3f}")
