#!/usr/bin/env bash
# Kills one rank of a small MetaAPO run with SIGKILL at random moments. Each time all processes must be gone in five seconds with one
# line said; the same command, given again, must come to the weights, meta-learner, samples and metrics (but for the seconds) of a run
# that was never killed, bit for bit. A last run is begun by as many ranks, gone on with by one more, and ended by one process.
# KEY=VALUE are further keys of the run. Needs Open MPI's mpirun.
#   src/test/kill-ranks.sh [KILLS, default 10] [RANKS, default 2] [SEED] [KEY=VALUE ...]
set -euo pipefail
shopt -s nullglob
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
kills="${1:-10}"
ranks="${2:-2}"
RANDOM="${3:-1}"
keys=("${@:4}")
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$root"
command -v mpirun >/dev/null || { echo "kill-ranks: mpirun is not there (Debian: openmpi-bin)" >&2; exit 1; }

run() { # FOLDER RANKS: replaces this shell by the run
    exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp "$root/target/classes:$root/target/lib/*" org.metaapo.cli.Main \
        train src/test/small-run.yaml "out=$work/$1" threads=1 ${keys[@]+"${keys[@]}"} --ranks "$2" --quiet
}

comparable() { # FOLDER: everything that must be equal
    sed -E 's/,?"seconds[a-z_]*":[-+.0-9eE]+//g' "$work/$1/metrics.jsonl" | sha256sum
    (cd "$work/$1" && sha256sum {model,adapter}/*.safetensors meta-learner.json samples/*)
}

processes() { # FOLDER: of its run, launcher and ranks, by number
    pgrep -f "out=$work/$1 " || true
}

rank_process() { # FOLDER RANK: the number of that rank's process, if it is there
    local pid
    for pid in $(processes "$1"); do
        if tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qx "OMPI_COMM_WORLD_RANK=$2"; then
            echo "$pid"
            return
        fi
    done
}

pause() { # MILLISECONDS
    sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
}

# Starts a run of folder $1 on $2 ranks, kills rank $3 of it after $4 ms, and looks at how it ends. Where the run was faster: status 1.
killed() {
    local pid victim status=0 began
    (run "$1" "$2") 2>"$work/said" &
    pid=$!
    pause "$4"
    victim="$(rank_process "$1" "$3")"
    [[ -n "$victim" ]] && kill -9 "$victim" || { wait "$pid"; return 1; }
    began="$(date +%s%N)"
    while [[ -n "$(processes "$1")" ]]; do
        if (($(date +%s%N) - began > 5000000000)); then
            echo "five seconds after rank $3 was killed there are still:" >&2
            pgrep -af "out=$work/$1 " >&2
            exit 1
        fi
        sleep 0.05
    done
    gone_ms=$((($(date +%s%N) - began) / 1000000))
    wait "$pid" || status=$?
    if ((status == 0)) || (($(grep -c . "$work/said") != 1)); then
        echo "a killed rank: status $status, and said was:" >&2
        cat "$work/said" >&2
        exit 1
    fi
}

start="$(date +%s%N)"
(run whole "$ranks")
whole_ms=$((($(date +%s%N) - start) / 1000000))
comparable whole >"$work/whole.sum"
echo "the whole run on $ranks ranks took $whole_ms ms"

for ((i = 1; i <= kills; i++)); do
    rm -rf "$work/killed"
    # From the start of the ranks to the writing of the model.
    moment=$((whole_ms / 8 + RANDOM * whole_ms / 32768 * 7 / 8))
    rank=$((RANDOM % ranks))
    if ! killed killed "$ranks" "$rank" "$moment"; then
        echo "kill $i of $kills after $moment ms: the run had ended"
        continue
    fi
    at="$(grep -c '"loss"' "$work/killed/metrics.jsonl" 2>/dev/null || true)"
    (run killed "$ranks")
    comparable killed >"$work/killed.sum"
    if ! diff "$work/whole.sum" "$work/killed.sum"; then
        echo "kill $i of rank $rank after $moment ms (step ${at:-0}): the resumed run differs" >&2
        exit 1
    fi
    echo "kill $i of $kills, of rank $rank after $moment ms (step ${at:-0}): all gone after $gone_ms ms ($(head -n 1 "$work/said")); the same bits"
done

killed changed "$ranks" 1 $((whole_ms / 2)) || true
killed changed $((ranks + 1)) 0 $((whole_ms * 2 / 3)) || true
(run changed 1)
# Another number of ranks adds in another order, so that losses differ by rounding.
losses() { # FOLDER: a line a step
    sed -nE 's/.*"step":([0-9]+),.*"loss":([-+.0-9eE]+).*/\1 \2/p' "$work/$1/metrics.jsonl"
}
paste -d ' ' <(losses whole) <(losses changed) | awk '
    function size(x) { return x < 0 ? -x : x }
    $1 != $3 || size($2 - $4) > 1e-5 * (1 + size($2)) { print "step " $1 ": the loss is " $4 " where the ranks changed; expected " $2; wrong = 1 }
    END { if (NR == 0) print "no loss was written"; exit wrong || NR == 0 }' >&2
echo "begun on $ranks ranks, gone on with on $((ranks + 1)) and ended on 1: the same course"
