#!/usr/bin/env python3
"""A reward service for `reward.url`, with Python's standard library alone.

    REWARD_TOKEN=choose-one python3 reward_server.py [PORT]

It rewards answers that are short and polite. Put your model where `reward` is.
"""
import hmac
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = os.environ.get("REWARD_TOKEN", "")


def reward(messages, answer):
    """One finite number; larger is better. `messages` is the conversation so far, a list of {"role": ..., "content": ...}."""
    return float("please" in answer.lower() or "thank" in answer.lower()) - len(answer) / 1000


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if TOKEN and not hmac.compare_digest(self.headers.get("Authorization", ""), "Bearer " + TOKEN):
            return self.reply(401, {"error": "wrong token"})
        items = [
            {"id": item["id"], "scores": [reward(item["messages"], answer) for answer in item["answers"]]}
            for item in json.loads(body)["items"]
        ]
        self.reply(200, {"items": items})

    def reply(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8000), Handler)
    print(f"listening on http://127.0.0.1:{server.server_port}", file=sys.stderr, flush=True)
    server.serve_forever()
