#!/usr/bin/env bash
# Makes docs/pictures/watching.png: the page of a run, as headless Chromium draws it.
#   docs/pictures/watching.sh [RUN]     RUN: folder of a run that has its report.html; demo/metaapo by default
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
run="$(cd "${1:-$here/../../demo/metaapo}" && pwd)"
browser="$(command -v chromium || command -v chromium-browser || command -v google-chrome)" || { echo "no Chromium found" >&2; exit 1; }
profile="$(mktemp -d)"
trap 'rm -rf "$profile"' EXIT
"$browser" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --disable-background-networking --user-data-dir="$profile" \
    --window-size=1400,1560 --force-device-scale-factor=0.65 --virtual-time-budget=6000 --screenshot="$here/watching.png" "file://$run/report.html" 2>/dev/null
ls -l "$here/watching.png"
