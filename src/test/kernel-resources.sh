#!/usr/bin/env bash
# What nvcc makes of each kernel, for the launch checks.
#   kernel-resources.sh compile NVCC ARGUMENTS...   a compiler launcher for CMake: keeps ptxas's report (-Xptxas=-v) beside the object
#   kernel-resources.sh report FOLDER               lines "code kernel registers shared-bytes" of the backend's files that were compiled
#                                                   there, and failure where code that is shipped spills registers or has local memory
set -euo pipefail

compile() {
    local object="" previous="" argument status=0
    for argument in "$@"; do
        [[ "$previous" == -o ]] && object="$argument"
        previous="$argument"
    done
    "$@" 2>"$object.ptxas" || status=$?
    grep -vE '^ptxas info|bytes stack frame' "$object.ptxas" >&2 || true
    ((status == 0)) || rm -f "$object.ptxas"
    return $status
}

# sm_120 is no code of the library's: a driver makes it of the PTX, so that a spill there is told and no failure.
report() {
    local source files=()
    for source in "$(dirname "${BASH_SOURCE[0]}")"/../main/cuda/*.cu; do
        files+=("$(find "$1" -name "${source##*/}.o.ptxas" -print -quit)")
        [[ -n "${files[-1]}" ]] || { echo "$1 has no report of ${source##*/}: compile it anew" >&2; return 1; }
    done
    awk -v quote="'" '
        /Compiling entry function/ { split($0, part, quote); kernel = part[2]; code = part[4] }
        /bytes stack frame/ {
            if ($1 + $5 + $9 == 0) next
            print code ": " kernel ": " $0 > "/dev/stderr"
            if (code != "sm_120") bad = 1
        }
        /Used [0-9]+ registers/ {
            registers = shared = 0
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^registers/) registers = $(i - 1)
                if ($i ~ /^smem/) shared = $(i - 2)
            }
            print code, kernel, registers, shared
        }
        END { exit bad }' "${files[@]}"
}

case "${1:-}" in
    compile | report) "$@" ;;
    *) sed -n '3,5s/^# *//p' "$0" >&2; exit 2 ;;
esac
