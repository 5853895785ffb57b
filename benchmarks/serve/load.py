"""Speed of `metaapo serve` under many requests at once, beside one closed `metaapo generate` of the same prompts, in turn.
usage: load.py MODEL_FOLDER [--requests 64] [--prompt-tokens 64] [--new-tokens 64] [--rounds 3] [--dtype f32] [--threads 0] [--port 8091]
All prompts have one length, and answers are as long as they may be. The server and a process that generates in one closed call (ClosedGeneration.java)
are asked in turn. Prints medians, the ratio of their tokens a second, and the 95th percentile of the time to the first token beside the closed call's
prefill and two steps. The engine spins no threads: OMP_WAIT_POLICY=passive, for both processes are there all the time. Needs a build, and the standard
library alone."""
import argparse
import bisect
import http.client
import json
import os
import pathlib
import selectors
import socket
import statistics
import subprocess
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


def is_up():
    c = http.client.HTTPConnection("127.0.0.1", a.port, timeout=600)
    try:
        c.request("GET", "/v1/models")
        return c.getresponse().status == 200
    except OSError:
        return False


def ask(ids, i):
    """Sends a request, and returns its connection."""
    body = json.dumps({"model": "m", "prompt": ids, "max_tokens": a.new_tokens, "ignore_eos": True, "temperature": 1, "seed": i, "stream": True, "logprobs": 0,
                       "stream_options": {"include_usage": True}}).encode()
    s = socket.create_connection(("127.0.0.1", a.port))
    s.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (a.port, len(body)) + body)
    return s


def events_of(parts):
    """(when its last byte came, event) of each, from (time, bytes) of a chunked answer."""
    whole, ends, times = b"", [], []
    for when, data in parts:
        whole += data
        ends.append(len(whole)), times.append(when)
    at = whole.index(b"\r\n\r\n") + 4
    assert whole.startswith(b"HTTP/1.1 200"), whole[:at].decode()
    text, text_times = b"", []
    while True:
        size, start = int(whole[at:whole.index(b"\r\n", at)], 16), whole.index(b"\r\n", at) + 2
        if size == 0:
            break
        text += whole[start:start + size]
        text_times.append((len(text), times[bisect.bisect_left(ends, start + size)]))
        at = start + size + 2
    at = 0
    for event in text.split(b"\n\n")[:-1]:
        at += len(event) + 2
        if event.startswith(b"data: {"):
            yield text_times[bisect.bisect_left(text_times, (at,))][1], json.loads(event[6:])


def served(prompts):
    """All at once. One thread reads what comes and looks at it when all is over: a client's own work is not the server's."""
    select, parts, begans = selectors.DefaultSelector(), {}, {}
    for i, ids in enumerate(prompts):
        begans[i], parts[i] = time.perf_counter(), []
        connection = ask(ids, i)
        select.register(connection, selectors.EVENT_READ, i)
    while select.get_map():
        for key, _ in select.select():
            data = key.fileobj.recv(1 << 16)
            if data:
                parts[key.data].append((time.perf_counter(), data))
            else:
                select.unregister(key.fileobj)
                key.fileobj.close()
    tokens, firsts, lasts, gaps = 0, [], [], []
    for i in parts:
        events = list(events_of(parts[i]))
        times = [when for when, event in events if event.get("choices")]
        usage = [event["usage"]["completion_tokens"] for _, event in events if event.get("usage")]
        assert usage == [a.new_tokens], f"an answer has {usage} tokens"
        tokens += usage[0]
        firsts.append(times[0] - begans[i]), lasts.append(times[-1])
        # A step is what lies between two tokens of an answer, once all have begun.
        half = len(times) // 2
        gaps += [y - x for x, y in zip(times[half:], times[half + 1:])]
    return tokens / (max(lasts) - min(begans.values())), sorted(firsts)[int(0.95 * len(firsts))], statistics.median(gaps)


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
    while not is_up():
        assert server.poll() is None, "the server has ended"
        time.sleep(0.2)
    closer.stdout.readline()
    prompts = [[3 + (7 * i + 13 * t) % 200 for t in range(a.prompt_tokens)] for i in range(a.requests)]
    for _ in range(2):
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
