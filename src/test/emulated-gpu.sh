#!/usr/bin/env bash
# Whole commands with --device cuda:0 on the emulation of the CUDA backend, beside the same commands on the CPU: their results
# agree to rounding, and a run that is killed on the GPU goes on to the same bits. Needs the JVM suite's build (target/classes,
# target/lib) and no GPU.
#   src/test/emulated-gpu.sh
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"
source src/test/course.sh
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
fixtures="$root/src/test/resources/fixtures"

dir=target/native-emulated
cmake -S src/main/cpp -B "$dir" -G Ninja -DCMAKE_BUILD_TYPE=Release -DMETAAPO_TESTS=ON -DMETAAPO_CUDA=off \
    -DMETAAPO_DNNL_ROOT="$root/target/dnnl" >/dev/null
cmake --build "$dir" --target metaapo_emulated_gpu
cp -r target/classes "$work/classes"
cp "$dir/emulated-gpu/libmetaapo_cuda.so" "$work/classes/org/metaapo/engine/internal/linux-x86_64/"

metaapo=("${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp "$work/classes:$root/target/lib/*" org.metaapo.cli.Main)

# agree TOLERANCE FILE FILE: equal but for the times, and numbers to the tolerance, relative where they are above 1; the divergence, a
# difference of log-prob sums, relative to these.
agree() {
    paste -d '\n' <(course "$2") <(course "$3") | sed -E 's/"(device|threads)":("[^"]*"|[0-9]+)//g' | LC_ALL=C awk -v tolerance="$1" -v files="$2 $3" '
        function size(x) { return x < 0 ? -x : x }
        NR % 2 == 1 { count = split($0, a, /[][{},:]+/); next }
        {
            if (split($0, b, /[][{},:]+/) != count) { print files ": line " NR / 2 " differs"; bad = 1; exit }
            sums = 1
            for (i = 1; i <= count; i++) {
                if (a[i - 1] == "\"logps_chosen\"") sums = size(a[i])
                if (a[i] == b[i]) continue
                number = a[i] ~ /^-?[0-9.]+([eE][-+]?[0-9]+)?$/ && b[i] ~ /^-?[0-9.]+([eE][-+]?[0-9]+)?$/
                scale = a[i - 1] == "\"kl\"" ? sums : a[i]
                bound = size(scale) > 1 ? tolerance * size(scale) : tolerance
                if (number && size(a[i] - b[i]) <= bound) continue
                print files ": line " NR / 2 ": " a[i] " and " b[i]; bad = 1; exit
            }
        }
        END { exit bad }'
}

# One epoch; an eps at which no weight is updated by the rounding of a gradient that is none.
small=(train src/test/small-run.yaml train.epochs=1 optimizer.eps=1e-3 --quiet)

# train NAME TOLERANCE ARGUMENTS...: on the CPU and on the GPU; metrics and samples agree.
train() {
    local name="$1" tolerance="$2" device file
    shift 2
    for device in cpu cuda:0; do
        "${metaapo[@]}" "${small[@]}" "out=$work/$name-${device%:*}" --device "$device" "$@"
    done
    agree "$tolerance" "$work/$name-cpu/metrics.jsonl" "$work/$name-cuda/metrics.jsonl"
    for file in "$work/$name-cpu"/samples/*.jsonl; do
        [[ ! -f "$file" ]] || agree "$tolerance" "$file" "$work/$name-cuda/samples/${file##*/}"
    done
    echo "train $name: the GPU's course is the CPU's to $tolerance"
}

# answers NAME TOLERANCE COMMAND...: a command that writes to --out.
answers() {
    local name="$1" tolerance="$2" device
    shift 2
    for device in cpu cuda:0; do
        "${metaapo[@]}" "$@" --dtype f32 --device "$device" --out "$work/$name-${device%:*}.jsonl" --quiet >/dev/null
    done
    agree "$tolerance" "$work/$name-cpu.jsonl" "$work/$name-cuda.jsonl"
    echo "$name: the GPU's answers are the CPU's to $tolerance"
}

"${metaapo[@]}" info --device cuda:0 | grep -q "emulated GPU" || { echo "the emulated GPU is not found" >&2; exit 1; }
train metaapo 1e-4
train offloaded 3e-2 recipe=dpo reward.path= dtype=bf16 train.recompute=true optimizer.offload=true reference.offload=true \
    "reference.path=$fixtures/tiny-llama-ref"
train adapter 1e-4 adapter.rank=4 adapter.dropout=0.1
train 8bit 3e-2 recipe=dpo reward.path= dtype=bf16 optimizer.state=8bit
answers score 1e-5 score --model "$fixtures/tiny-llama" --reference "$fixtures/tiny-llama-ref" --data "$fixtures/pairs.jsonl"
answers generate 1e-5 generate --model "$fixtures/tiny-llama" --data "$fixtures/pairs.jsonl" --k 4 --max-new-tokens 16
answers reward 1e-5 reward --model "$fixtures/tiny-rm" --data "$fixtures/pairs.jsonl"

# Two ranks, each of which sees a GPU of its own: NCCL's stand-in carries what they share out.
if command -v mpirun >/dev/null; then
    ranks() { # NAME ARGUMENTS...: on two emulated GPUs, beside one CPU
        local name="$1" rank command=()
        shift
        for rank in 0 1; do
            command+=(-n 1 env "CUDA_VISIBLE_DEVICES=$rank" "${metaapo[@]}" "${small[@]}" "out=$work/$name-ranks" --device cuda:0 "$@" :)
        done
        OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun -q --bind-to none --oversubscribe "${command[@]:0:${#command[@]}-1}"
        agree 1e-4 "$work/$name-cpu/metrics.jsonl" "$work/$name-ranks/metrics.jsonl"
        echo "train $name: two ranks on GPUs take the course of one CPU to 1e-4"
    }
    ranks metaapo train.shard=gradients
    "${metaapo[@]}" "${small[@]}" recipe=dpo reward.path= "out=$work/dpo-cpu" --device cpu
    ranks dpo recipe=dpo reward.path= train.shard=weights
else
    echo "skipped: two ranks on GPUs, for mpirun is not there"
fi

# SIGKILL in the middle of the run, after its first optimizer step.
"${metaapo[@]}" "${small[@]}" "out=$work/killed" --device cuda:0 &
pid=$!
until grep -q '"loss"' "$work/killed/metrics.jsonl" 2>/dev/null || ! kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
kill -9 "$pid" 2>/dev/null || true
wait "$pid" 2>/dev/null || true
at="$(grep -c '"loss"' "$work/killed/metrics.jsonl" || true)"
"${metaapo[@]}" "${small[@]}" "out=$work/killed" --device cuda:0
agree 0 "$work/metaapo-cuda/metrics.jsonl" "$work/killed/metrics.jsonl"
cmp "$work/metaapo-cuda/model/model.safetensors" "$work/killed/model/model.safetensors"
echo "killed on the GPU after step $at of $(grep -c '"loss"' "$work/killed/metrics.jsonl"): the same bits"

status=0
"${metaapo[@]}" "${small[@]}" "out=$work/none" --device cuda:1 2>"$work/none.txt" || status=$?
[[ "$status" == 4 && "$(wc -l <"$work/none.txt")" == 1 ]] && grep -q "cuda:1 does not exist" "$work/none.txt" || {
    echo "--device cuda:1: status $status, $(cat "$work/none.txt")" >&2
    exit 1
}
echo "a GPU that is not there: status 4 and one line"
