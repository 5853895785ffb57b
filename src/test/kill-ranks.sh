#!/usr/bin/env bash
# Kills one rank of a small MetaAPO run with SIGKILL at random moments of each of its phases in turn: while it starts, scores, samples,
# ranks, trains, writes checkpoints, and ends. Each time all processes must be gone in five seconds with one line said; the same command,
# given again, must come to the weights, meta-learner, samples and metrics (but for times and the like) of a run that was never killed, bit
# for bit. A last run is begun by as many ranks, gone on with by one more, and ended by one process.
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
source src/test/course.sh
command -v mpirun >/dev/null || { echo "kill-ranks: mpirun is not there (Debian: openmpi-bin)" >&2; exit 1; }

run() { # FOLDER RANKS: replaces this shell by the run
    exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp "$root/target/classes:$root/target/lib/*" org.metaapo.cli.Main \
        train src/test/small-run.yaml "out=$work/$1" threads=1 ${keys[@]+"${keys[@]}"} --ranks "$2" --quiet
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

# count WORDS FOLDER: lines of its metrics that have them.
count() {
    grep -c "$1" "$work/$2/metrics.jsonl" 2>/dev/null || true
}

# until_it PID COMMAND...: whether the command succeeds before the process ends; asked again and again.
until_it() {
    local pid="$1"
    shift
    until "$@"; do
        kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.005
    done
}

has_lines() { # NUMBER WORDS FOLDER
    local found
    found="$(count "$2" "$3")"
    ((${found:-0} >= $1))
}

has_rank() { # FOLDER RANK: sets victim
    victim="$(rank_process "$1" "$2")"
    [[ -n "$victim" ]]
}

# some MILLISECONDS: waits for a part of them.
some() {
    pause $((RANDOM * $1 / 32768))
}

# in_phase PID FOLDER PHASE: waits for a random moment of one of those phases, which lasted as long in the whole run. Where the run was
# faster: status 1.
in_phase() {
    case "$3" in
        start) some "$start_ms" ;;
        end)
            until_it "$1" has_lines "$all_steps" '"loss"' "$2" || return 1
            some "$end_ms"
            ;;
        [0-9]*) pause "$3" ;;
        *)
            until_it "$1" has_lines $((1 + RANDOM % $(count "\"phase\":\"$3\"" whole))) "\"phase\":\"$3\"" "$2" || return 1
            some "$(phase_ms "$3")"
            ;;
    esac
}

# phase_ms PHASE: how long one of them lasted in the whole run, in the mean.
phase_ms() {
    awk -v phase="\"phase\":\"$1\"" 'match($0, /"time":[0-9.eE+]+/) {
        time = substr($0, RSTART + 7, RLENGTH - 7)
        if (is_in) { sum += time - begun; n++ }
        is_in = index($0, phase) > 0; begun = time
    } END { printf "%d", n == 0 ? 0 : 1000 * sum / n }' "$work/whole/metrics.jsonl"
}

# Starts a run of folder $1 on $2 ranks, kills rank $3 of it in phase $4, or after so many ms of its ranks, and looks at how it ends. Where
# the run was faster: status 1.
killed() {
    local pid status=0 began
    (run "$1" "$2") 2>"$work/said" &
    pid=$!
    until_it "$pid" has_rank "$1" "$3" && in_phase "$pid" "$1" "$4" && kill -9 "$victim" 2>/dev/null || { wait "$pid"; return 1; }
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

# What the whole run lasts.
now_ms() {
    echo $(($(date +%s%N) / 1000000))
}
(run whole "$ranks") &
pid=$!
until_it "$pid" has_rank whole 0
began="$(now_ms)"
until_it "$pid" has_lines 1 '"kind":"start"' whole || true
start_ms=$(($(now_ms) - began))
lines=0 last="$began"
while kill -0 "$pid" 2>/dev/null; do
    ! has_lines $((lines + 1)) '"loss"' whole || { lines="$(count '"loss"' whole)" last="$(now_ms)"; }
    sleep 0.02
done
wait "$pid"
whole_ms=$(($(now_ms) - began)) end_ms=$(($(now_ms) - last))
comparable "$work/whole" >"$work/whole.sum"
all_steps="$(count '"loss"' whole)"
most_tries=20
phases=(start scoring sampling ranking training saving end)
echo "the whole run on $ranks ranks took $whole_ms ms: start $start_ms, scoring $(phase_ms scoring), sampling $(phase_ms sampling)," \
    "ranking $(phase_ms ranking), training $(phase_ms training), saving $(phase_ms saving), end $end_ms"

for ((i = 1; i <= kills; i++)); do
    phase="${phases[(i - 1) % ${#phases[@]}]}"
    rank=$((RANDOM % ranks))
    tries=1
    until rm -rf "$work/killed" && killed killed "$ranks" "$rank" "$phase"; do
        if ((++tries > most_tries)); then
            echo "kill $i of $kills ($phase): the run had ended before it $most_tries times" >&2
            exit 1
        fi
    done
    at="$(count '"loss"' killed)"
    (run killed "$ranks")
    comparable "$work/killed" >"$work/killed.sum"
    if ! diff "$work/whole.sum" "$work/killed.sum"; then
        echo "kill $i of rank $rank ($phase, step ${at:-0}): the resumed run differs" >&2
        exit 1
    fi
    echo "kill $i of $kills, of rank $rank ($phase, step ${at:-0}): all gone after $gone_ms ms ($(head -n 1 "$work/said")); the same bits"
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
