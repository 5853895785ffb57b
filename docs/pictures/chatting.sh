#!/usr/bin/env bash
# Makes docs/pictures/chatting.png: a chat with the demo's models in a browser, as headless Chromium draws it.
#   docs/pictures/chatting.sh [DEMO]     DEMO: folder of a demo; demo by default
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
demo="$(cd "${1:-$here/../../demo}" && pwd)"
browser="$(command -v chromium || command -v chromium-browser || command -v google-chrome)" || { echo "no Chromium found" >&2; exit 1; }
work="$(mktemp -d)"
server=""
trap '[[ -z "$server" ]] || kill "$server"; rm -rf "$work"' EXIT
chat=("$here/../../metaapo" chat --model "$demo/metaapo/model" --against "$demo/sft/model" --dtype f32)
printf '%s\n' 'what colour is milk ?' "/save $work/talk.jsonl" | "${chat[@]}" >/dev/null
touch "$work/log"
"${chat[@]}" --web --port 0 --load "$work/talk.jsonl" 2>"$work/log" &
server=$!
until grep -q 'at http' "$work/log"; do kill -0 "$server"; sleep 0.2; done
"$browser" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --disable-background-networking --user-data-dir="$work/profile" \
    --window-size=1280,480 --force-device-scale-factor=0.75 --virtual-time-budget=4000 --screenshot="$here/chatting.png" \
    "$(sed -n 's/.* at \(http[^;]*\);.*/\1/p' "$work/log")" 2>/dev/null
ls -l "$here/chatting.png"
