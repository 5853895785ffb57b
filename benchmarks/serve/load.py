"""Speed of `metaapo serve` under many requests at once, beside one closed `metaapo generate` of the same prompts, in turn.
usage: load.py MODEL_FOLDER [--requests 64] [--prompt-tokens 64] [--new-tokens 64] [--rounds 3] [--dtype f32] [--threads 0] [--port 8091]
All prompts have one length, and answers are as long as they may be. The server and a process that generates in one closed call (ClosedGeneration.java)
are asked in turn. Prints medians, the ratio of their tokens a second, and the 95th percentile of the time to the first token beside the closed call's
prefill and two steps. The engine spins no threads: OMP_WAIT_POLICY=passive, for both processes are there all the time. Needs a build, and the standard
library alone."""
import argparse
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import threading
import time

a = argparse.ArgumentParser()
a.add_argument("model")
a.add_argument("--requests", type=int, default=64)
a.add_argument("--prompt-tokens", type=int, default=64)
a.add_argument("--new-tokens", type=int, default=64)
a.add_argument("--rounds", type=int, default=3)
a.add_argument("--dtype", default="f32")
a.add_argument("--threads", default="0")
a.add_argument("--port", type=int, default=8091)
a = a.parse_args()
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
root = pathlib.Path(__file__).resolve().parents[2]


def call(path, body=None):
    c = http.client.HTTPConnection("127.0.0.1", a.port, timeout=600)
    c.request("POST" if body else "GET", path, json.dumps(body) if body else None)
    r = c.getresponse()
    return r, c


def one(ids, out, start, i):
    start.wait()
    began = time.perf_counter()
    body = {"model": "m", "prompt": ids, "max_tokens": a.new_tokens, "ignore_eos": True, "temperature": 1, "seed": i, "stream": True, "logprobs": 0,
            "stream_options": {"include_usage": True}}
    r, c = call("/v1/completions", body)
    times, usage = [], 0
    for line in r:
        if line.startswith(b"data: {"):
            event = json.loads(line[6:])
            if event.get("choices"):
                times.append(time.perf_counter())
            if event.get("usage"):
                usage = event["usage"]["completion_tokens"]
    c.close()
    out[i] = (began, times, usage)


def served(prompts):
    start, out = threading.Barrier(len(prompts)), {}
    threads = [threading.Thread(target=one, args=(ids, out, start, i)) for i, ids in enumerate(prompts)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    began, end = min(o[0] for o in out.values()), max(o[1][-1] for o in out.values())
    assert all(o[2] == a.new_tokens for o in out.values()), "an answer is short"
    first = sorted(o[1][0] - o[0] for o in out.values())
    # A step is what lies between two tokens of an answer, once all have begun.
    steps = statistics.median(y - x for o in out.values() for x, y in zip(o[1][len(o[1]) // 2:], o[1][len(o[1]) // 2 + 1:]))
    return len(prompts) * a.new_tokens / (end - began), first[int(0.95 * len(first))], steps


def closed(prompts):
    """One closed call on the engine by the benchmark class beside this."""
    closer.stdin.write(json.dumps({"prompts": prompts, "tokens": a.new_tokens}) + "\n")
    closer.stdin.flush()
    answer = json.loads(closer.stdout.readline())
    return len(prompts) * a.new_tokens / answer["seconds"], answer["prefill"]


subprocess.run([root / "metaapo", "version"], check=True, stdout=subprocess.DEVNULL)  # builds what is stale, before two processes read it
server = subprocess.Popen([root / "metaapo", "serve", "--model", a.model, "--dtype", a.dtype, "--threads", a.threads, "--port", str(a.port), "--name", "m",
                           "--sequences", str(a.requests), "--cache-tokens", str(a.requests * (a.prompt_tokens + a.new_tokens))])
closer = subprocess.Popen(["java", "--enable-native-access=ALL-UNNAMED", "-cp", f"{root}/target/classes:{root}/target/lib/*", str(root / "benchmarks/serve/ClosedGeneration.java"),
                           a.model, a.dtype, a.threads, str(a.requests), str(a.requests * (a.prompt_tokens + a.new_tokens))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
try:
    while True:
        try:
            r, c = call("/v1/models")
            break
        except OSError:
            assert server.poll() is None, "the server has ended"
            time.sleep(0.2)
    closer.stdout.readline()
    prompts = [[3 + (7 * i + 13 * t) % 200 for t in range(a.prompt_tokens)] for i in range(a.requests)]
    served(prompts), closed(prompts)  # warm
    speeds, ratios, firsts = [], [], []
    for _ in range(a.rounds):
        c, prefill = closed(prompts)
        s, first, step = served(prompts)
        speeds.append((s, c)), ratios.append(s / c), firsts.append(first / (prefill + 2 * step))
        print(f"served {s:8.1f} tokens/s, closed {c:8.1f}, ratio {s / c:.3f}; first token p95 {first * 1e3:.0f} ms, prefill {prefill * 1e3:.0f} ms, a step {step * 1e3:.1f} ms", flush=True)
    print(f"ratio: median {statistics.median(ratios):.3f} (bound 0.9); p95 of the first token over prefill + 2 steps: median {statistics.median(firsts):.3f} (bound 1)")
finally:
    closer.terminate()
    server.terminate()
    server.wait(60)
