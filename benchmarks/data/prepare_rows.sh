#!/usr/bin/env bash
# Opens, tokenizes and indexes what make_rows.py made, with 1 GB of heap and the launcher's collector: once without a cache, then again with the one at hand.
#   benchmarks/data/prepare_rows.sh FOLDER [THREADS]
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
folder="$1"
threads="${2:-2}"
cache="$(mktemp -d "$folder/cache-XXXXXX")"
trap 'rm -rf "$cache"' EXIT
for start in first second; do
    printf '%-7s' "$start"
    java -Xmx1g -XX:+UseSerialGC -cp "$root/target/classes:$root/target/lib/*" "$root/benchmarks/data/PrepareRows.java" \
        "$folder/model" "$folder/pairs.parquet" "$cache" "$threads"
done
