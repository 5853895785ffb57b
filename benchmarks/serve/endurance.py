"""Thousands of requests to `metaapo serve`, of clients as they come: good ones whole and streamed, some that leave in the middle or before the answer, that
stop reading, that send what is no request. Good ones must all be answered; pages, threads and heap are afterwards as before.
usage: endurance.py MODEL_FOLDER [--requests 10000] [--clients 32] [--threads 1] [--port 8093] [--histogram]      (a small model: the server is tried, not the model)
Needs a JDK's jcmd in PATH; the standard library alone. Exit 1 where something is lost or left."""
import argparse
import concurrent.futures
import http.client
import json
import pathlib
import re
import socket
import subprocess
import sys
import time

a = argparse.ArgumentParser()
a.add_argument("model")
a.add_argument("--requests", type=int, default=10000)
a.add_argument("--clients", type=int, default=32)
a.add_argument("--threads", default="1")
a.add_argument("--port", type=int, default=8093)
a.add_argument("--histogram", action="store_true", help="print what the heap holds afterwards")
a = a.parse_args()
root = pathlib.Path(__file__).resolve().parents[2]


def call(path, body=None, timeout=120):
    c = http.client.HTTPConnection("127.0.0.1", a.port, timeout=timeout)
    try:
        c.request("POST" if body is not None else "GET", path, body if isinstance(body, (bytes, type(None))) else json.dumps(body))
        r = c.getresponse()
        return r.status, r.read()
    finally:
        c.close()


def chat(**more):
    return {"model": "m", "messages": [{"role": "user", "content": "count to ten"}], **more}


def raw(data, read, pause=0.0):
    with socket.create_connection(("127.0.0.1", a.port), timeout=60) as s:
        s.sendall(data)
        if read:
            s.recv(read)
        time.sleep(pause)


def post(body, length=None):
    body = json.dumps(body).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (length or len(body)) + body


def one(i):
    """Whether an answer that should have come has not."""
    long = {"max_tokens": 400, "ignore_eos": True}
    kind = i % 12
    if kind < 3:
        status, body = call("/v1/chat/completions", chat(seed=i, max_tokens=8, n=1 + i % 3))
        return status != 200 or len(json.loads(body)["choices"]) != 1 + i % 3
    if kind < 5:
        status, body = call("/v1/chat/completions", chat(seed=i, max_tokens=8, stream=True))
        return status != 200 or not body.endswith(b"data: [DONE]\n\n")
    if kind == 5:
        status, body = call("/v1/completions", {"model": "m", "prompt": [[5, 6, 7]] * 4, "echo": True, "logprobs": 1, "max_tokens": 1})
        return status != 200 or len(json.loads(body)["choices"]) != 4
    if kind == 6:
        raw(post(chat(stream=True, **long)), 200)
    elif kind == 7:
        raw(post(chat(**long)), 0)
    elif kind == 8:
        # Most for a moment, some until they are cut off.
        raw(post(chat(stream=True, n=8, logprobs=True, top_logprobs=20, **long)), 1, 15 if i % 600 == 8 else 0.05)
    elif kind == 9:
        return call("/v1/chat/completions", [b"{", b"[]", b"\xff", b"", b"{}", json.dumps(chat(n=0)).encode()][i // 12 % 6])[0] != 400
    elif kind == 10:
        raw(post(chat(), 5000), 0)
    else:
        raw([b"GET /health HTTP/1.1\r\nHost: loc", b"\x16\x03\x01\x00\xff", b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n"][i // 12 % 3], 0)
    return False


def state():
    subprocess.run(["jcmd", str(pid), "GC.run"], check=True, stdout=subprocess.DEVNULL)
    heap = subprocess.run(["jcmd", str(pid), "GC.heap_info"], check=True, capture_output=True, text=True).stdout
    used = sum(int(k) for k in re.findall(r"(?:heap|generation)\s+total \d+K, used (\d+)K", heap))
    metrics = call("/metrics")[1].decode()
    value = {m[0]: float(m[1]) for m in re.findall(r"^metaapo:(\w+)\{[^}]*\} ([\d.]+)$", metrics, re.M)}
    threads = int(re.search(r"Threads:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])
    return {"heap_kb": used, "threads": threads, "pages": value["kv_cache_usage_perc"], "running": value["num_requests_running"],
            "waiting": value["num_requests_waiting"]}


def settle():
    end = time.time() + 60
    while time.time() < end:
        s = state()
        if s["running"] + s["waiting"] + s["pages"] == 0 and s["threads"] <= before.get("threads", 1e9) + 4:
            break
        time.sleep(2)
    return state()


before = {}
server = subprocess.Popen([root / "metaapo", "serve", "--model", a.model, "--dtype", "f32", "--threads", a.threads, "--port", str(a.port), "--name", "m",
                           "--sequences", "16", "--cache-tokens", "20000"])
try:
    while True:
        try:
            call("/health")
            break
        except OSError:
            assert server.poll() is None, "the server has ended"
            time.sleep(0.2)
    # The launcher gives its place to Java.
    pid = server.pid
    with concurrent.futures.ThreadPoolExecutor(a.clients) as clients:
        list(clients.map(one, [i for i in range(1200) if i % 600 != 8]))  # warm: code, pools
    time.sleep(35)  # for the threads of idle clients to end
    before = settle()
    print("before:", before, flush=True)
    began, lost = time.time(), 0
    with concurrent.futures.ThreadPoolExecutor(a.clients) as clients:
        for i, missing in enumerate(clients.map(one, range(a.requests))):
            lost += missing
            if (i + 1) % 1000 == 0:
                print(f"{i + 1} requests, {time.time() - began:.0f} s, {lost} lost", flush=True)
    time.sleep(35)
    after = settle()
    print("after: ", after)
    if a.histogram:
        print(subprocess.run(["jcmd", str(pid), "GC.class_histogram"], capture_output=True, text=True).stdout[:5000])
    good = lost == 0 and after["pages"] == after["running"] == after["waiting"] == 0 and after["threads"] <= before["threads"] + 4 \
        and after["heap_kb"] < 1.2 * before["heap_kb"] + 4096
    print("nothing lost, nothing left" if good else f"{lost} lost, or something left")
finally:
    server.terminate()
    print("status of the server:", server.wait(60))
sys.exit(not good)
