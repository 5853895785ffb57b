#!/usr/bin/env bash
# Makes a picture of a comparison's page, or of a map's, as headless Chromium draws it.
#   docs/pictures/comparing.sh RUN PICTURE [HEIGHT]     RUN: folder that has the report.html; PICTURE: docs/pictures/PICTURE.png is made
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
run="$(cd "$1" && pwd)"
browser="$(command -v chromium || command -v chromium-browser || command -v google-chrome)" || { echo "no Chromium found" >&2; exit 1; }
profile="$(mktemp -d)"
trap 'rm -rf "$profile"' EXIT
"$browser" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --disable-background-networking --user-data-dir="$profile" \
    --window-size="1280,${3:-765}" --force-device-scale-factor=0.75 --virtual-time-budget=6000 --screenshot="$here/$2.png" "file://$run/report.html" 2>/dev/null
ls -l "$here/$2.png"
