#!/usr/bin/env bash
# Kills a small MetaAPO run with SIGKILL at random moments, gives the same command again, and compares weights, meta-learner,
# samples and metrics (but for the seconds) with those of a run that was never killed. KEY=VALUE are further keys of the run.
#   src/test/kill-resume.sh [KILLS, default 20] [SEED] [KEY=VALUE ...]
set -euo pipefail
shopt -s nullglob
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
kills="${1:-20}"
RANDOM="${2:-1}"
keys=("${@:3}")
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$root"
source src/test/course.sh

run() { # FOLDER: replaces this shell by the run
    exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp "$root/target/classes:$root/target/lib/*" org.metaapo.cli.Main \
        train src/test/small-run.yaml "out=$work/$1" ${keys[@]+"${keys[@]}"} --quiet
}

start="$(date +%s%N)"
(run whole)
whole_ms=$((($(date +%s%N) - start) / 1000000))
comparable "$work/whole" >"$work/whole.sum"
echo "the whole run took $whole_ms ms"

for ((i = 1; i <= kills; i++)); do
    rm -rf "$work/killed"
    (run killed) &
    pid=$!
    # From before the first checkpoint to the writing of the model.
    moment=$((whole_ms / 4 + RANDOM * whole_ms / 32768 * 3 / 4))
    sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    at="$(grep -c '"loss"' "$work/killed/metrics.jsonl" 2>/dev/null || true)"
    (run killed)
    comparable "$work/killed" >"$work/killed.sum"
    if ! diff "$work/whole.sum" "$work/killed.sum"; then
        echo "kill $i after $moment ms (step ${at:-0}): the resumed run differs" >&2
        exit 1
    fi
    echo "kill $i of $kills after $moment ms (step ${at:-0}): the same bits"
done
