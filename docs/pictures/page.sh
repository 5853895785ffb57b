#!/usr/bin/env bash
# Makes docs/pictures/PICTURE.png: the page of a run, of a comparison or of a map, as headless Chromium draws it.
#   docs/pictures/page.sh FOLDER PICTURE [HEIGHT]     FOLDER: has the report.html; HEIGHT: of the part that is shown
# As they are:
#   docs/pictures/page.sh demo/metaapo watching 1560
#   docs/pictures/page.sh runs/methods demo-methods 800
#   docs/pictures/page.sh runs/paper-methods comparing
#   docs/pictures/page.sh runs/paper-annotations annotations
#   docs/pictures/page.sh runs/paper-map map 1045
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
folder="$(cd "$1" && pwd)"
browser="$(command -v chromium || command -v chromium-browser || command -v google-chrome)" || { echo "no Chromium found" >&2; exit 1; }
profile="$(mktemp -d)"
trap 'rm -rf "$profile"' EXIT
"$browser" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --disable-background-networking --user-data-dir="$profile" \
    --window-size="1360,${3:-785}" --force-device-scale-factor=0.7 --virtual-time-budget=6000 --screenshot="$here/$2.png" "file://$folder/report.html" 2>/dev/null
ls -l "$here/$2.png"
