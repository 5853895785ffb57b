"""Log-likelihoods by lm-evaluation-harness through a server, beside those of `metaapo score`.
usage: harness.py MODEL_FOLDER [--port 8090] [--bound 1e-4] [--threads 1]       (pip install "lm-eval[api]")
Starts `metaapo serve --dtype f32`, scores the pairs below by the harness's own class (local-completions, remote tokenizer) and by `metaapo score`,
and compares sums, a token. Exit 1 where they differ by more than the bound."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

os.environ["OPENAI_API_KEY"] = "none"
from lm_eval.api.instance import Instance
from lm_eval.models.openai_completions import LocalCompletionsAPI

PAIRS = [("The capital of France is", " Paris.", " a city in Germany, I think."), ("Name three colours:", " red, green and blue.", " dog"),
         ("2 + 2 =", " 4", " 22"), ("Es war einmal ein König,", " der hatte eine schöne Tochter.", " naïve café \U0001F642."),
         ("def add(a, b):\n    return", " a + b", " a - b\n\n# wrong"), ("Water boils at", " 100 degrees Celsius at sea level.", " home.")]

a = argparse.ArgumentParser()
a.add_argument("model")
a.add_argument("--port", type=int, default=8090)
a.add_argument("--bound", type=float, default=1e-4)
a.add_argument("--threads", default="1")
a = a.parse_args()
root = pathlib.Path(__file__).resolve().parents[2]
base = f"http://127.0.0.1:{a.port}"


def get(path, body=None):
    request = urllib.request.Request(base + path, None if body is None else json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def wait():
    for _ in range(600):
        try:
            return get("/health")
        except OSError:
            if server.poll() is not None:
                sys.exit("the server has ended")
            time.sleep(0.2)
    sys.exit("the server does not answer")


server = subprocess.Popen([root / "metaapo", "serve", "--model", a.model, "--dtype", "f32", "--threads", a.threads, "--port", str(a.port), "--name", "m",
                           "--cache-tokens", "20000"])
try:
    wait()
    info = get("/tokenizer_info")
    begin = info["bos_token"] if get("/tokenize", {"prompt": "a"})["count"] > get("/tokenize", {"prompt": "a", "add_special_tokens": False})["count"] else ""
    end = info["eos_token"] or ""
    model = LocalCompletionsAPI(model="m", base_url=base + "/v1/completions", tokenizer_backend="auto", batch_size=5, max_length=1000)
    asked = [(begin + prompt, answer + end) for prompt, *answers in PAIRS for answer in answers]
    found = model.loglikelihood([Instance("loglikelihood", {}, pair, i) for i, pair in enumerate(asked)])
    # Its other call, which is answered by text.
    written = model.generate_until([Instance("generate_until", {}, (PAIRS[0][0], {"until": ["\n"], "max_gen_toks": 8}), 0)])
    print("generate_until:", written)
finally:
    server.terminate()
    print("status of the server:", server.wait(60))
with tempfile.TemporaryDirectory() as folder:
    data, out = pathlib.Path(folder, "pairs.jsonl"), pathlib.Path(folder, "scores.jsonl")
    data.write_text("".join(json.dumps({"prompt": p, "chosen": c, "rejected": r}) + "\n" for p, c, r in PAIRS))
    subprocess.run([root / "metaapo", "score", "--model", a.model, "--dtype", "f32", "--threads", a.threads, "--data", data, "--out", out, "--quiet"], check=True)
    scored = [json.loads(line) for line in out.read_text().splitlines()]
expected = [(row[f"{side}_logp"], row[f"{side}_tokens"]) for row in scored for side in ("chosen", "rejected")]
worst = 0
for (context, answer), (logp, greedy), (want, tokens) in zip(asked, found, expected):
    worst = max(worst, abs(logp - want) / tokens)
    print(f"{logp:12.6f} {want:12.6f} {tokens:3d} tokens {'greedy' if greedy else '      '} {answer!r}")
print(f"largest difference a token: {worst:.2e}, bound {a.bound:.0e}")
sys.exit(worst > a.bound)
