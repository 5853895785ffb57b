#!/usr/bin/env python3
"""Times a whole length-controlled win rate: `metaapo evaluate alpaca-eval` on annotations of the official size, 805 rows, with a calibration of 1,610.

usage: evaluate.py [--rounds 7]

The files are drawn from a seed; answers have the lengths of the official ones, some 2,000 characters. Each round starts `metaapo version`, which does
nothing but start, and then the evaluation with all that it writes, its page included. The table has the medians of seconds, and the largest resident
memory. The exit status is 1 where the evaluation takes a second more than the start, or 256 MB. Needs a build, and the standard library alone.
"""
import argparse
import json
import math
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

ROWS = 805
MOST_SECONDS = 1.0
MOST_MB = 256
WORDS = "the of and a to in is you that it he was for on are as with his they I at be this have from or one had by word but not".split()


def answer(draw, mean):
    """A text of about as many characters, in lines."""
    words = [draw.choice(WORDS) + (".\n" if draw.random() < 0.05 else "") for _ in range(max(5, round(mean * math.exp(draw.gauss(0, 0.5)) / 4)))]
    return " ".join(words)


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def write_files(folder, draw):
    difficulty = [draw.gauss(0, 1) for _ in range(ROWS)]
    with (folder / "df_gamed.csv").open("w") as out:
        out.write("model,index,preference,std_delta_len,instruction_difficulty,not_gamed_baseline\n")
        for model, shorter in ("concise", 1.0), ("verbose", -1.0):
            for i in range(ROWS):
                x = draw.gauss(shorter, 0.7)
                p = min(1, max(0, sigmoid(-1.5 * math.tanh(x) + draw.gauss(0, 1))))
                out.write(f"{model},{i},{p:.6f},{x:.6f},{difficulty[i]:.6f},False\n")
    rows, reference = [], []
    for i in range(ROWS):
        asked, first, second = f"{i}: {answer(draw, 160)}", answer(draw, 2000), answer(draw, 1700)
        p = sigmoid(0.4 + 0.6 * difficulty[i] + draw.gauss(0, 2))
        reference.append({"dataset": "drawn", "instruction": asked, "output": first, "generator": "baseline"})
        rows.append({"instruction": asked, "output_1": first, "generator_1": "baseline", "output_2": second, "generator_2": "model", "dataset": "drawn",
                     "annotator": "drawn", "preference": round(1 + p, 10), "raw_completion": "m"})
    (folder / "annotations.json").write_text(json.dumps(rows, indent=2))
    (folder / "reference.json").write_text(json.dumps(reference, indent=2))


def timed(command):
    """Seconds and megabytes of a command that must succeed."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status != 0:
        sys.exit(f"evaluate: {' '.join(map(str, command))} failed:\n{said.decode()}")
    return seconds, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    metaapo = pathlib.Path(__file__).resolve().parents[1] / "metaapo"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_files(folder, random.Random(805))
        evaluation = [metaapo, "evaluate", "alpaca-eval", "--annotations", folder / "annotations.json", "--reference-outputs", folder / "reference.json",
                      "--calibration", folder / "df_gamed.csv", "--out", folder / "out"]
        starts, wholes = [], []
        timed([metaapo, "version"])  # builds what is stale
        for _ in range(rounds):
            starts.append(timed([metaapo, "version"]))
            wholes.append(timed(evaluation))
        start, whole = (statistics.median(seconds for seconds, _ in runs) for runs in (starts, wholes))
        memory = max(megabytes for _, megabytes in wholes)
    print(f"start        {start:6.2f} s")
    print(f"evaluation   {whole:6.2f} s, {whole - start:.2f} after the start (at most {MOST_SECONDS:.2f})")
    print(f"memory       {memory:6.0f} MB (at most {MOST_MB})")
    sys.exit(0 if whole - start < MOST_SECONDS and memory < MOST_MB else 1)


main()
