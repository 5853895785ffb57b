#!/usr/bin/env bash
# Builds the native part on a machine with an NVIDIA GPU, checks it there and measures it.
#
#   benchmarks/gpu-check.sh [--minutes 9] [--out DIR] [--device cuda:0] [--python PYTHON] [--build DIR]
#
# Needs nvcc, CMake and Ninja; no JDK and no network. A Python with torch and transformers gives the peer's numbers, oneDNN
# (METAAPO_DNNL_ROOT, or target/dnnl) a fast CPU side; without them those parts are left out by name. Parts: build, parity of
# every op, golden models, ranks, compute-sanitizer, op benchmarks, whole models. Each has a time limit of its own, none stops the
# others, and none starts when the minutes are over. The last lines are the table of bounds. Files in DIR (target/gpu-check/results):
#   environment.txt  device, driver, CUDA, date        ops.csv     every op      bounds.csv  the table
#   log.txt          what all parts printed            models.csv  whole models  torch.csv   torch's fused attention
# --device cpu runs everything that a machine without a GPU can, on tiny shapes: a check of this script.
# Exit status: 0; 1 where parity, a golden model or the sanitizer fails, or nothing could be built; 2 for wrong usage.
set -u
cd "$(dirname "$0")/.." || exit 1

minutes=9 out=target/gpu-check/results build=target/gpu-check/build device=cuda:0 python=
usage() {
  echo "gpu-check: $1" >&2
  sed -n '4s/^# *//p' "$0" >&2
  exit 2
}
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || usage "$1 needs a value"
  case $1 in
    --minutes) minutes=$2 ;;
    --out) out=$2 ;;
    --device) device=$2 ;;
    --python) python=$2 ;;
    --build) build=$2 ;;
    *) usage "unknown option $1" ;;
  esac
  shift 2
done
case $minutes in '' | *[!0-9]*) usage "--minutes $minutes; expected a whole number" ;; esac
case $device in cuda:[0-9]* | cpu) ;; *) usage "--device $device; expected cuda:N or cpu" ;; esac
gpu=${device#cuda:}
[ "$device" = cpu ] && gpu=

mkdir -p "$out" || exit 1
out=$(cd "$out" && pwd)
rm -f "$out"/{environment.txt,log.txt,ops.csv,models.csv,models.jsonl,torch.csv,bounds.csv}
log=$out/log.txt
end=$((SECONDS + minutes * 60))
date=$(date -u +%Y-%m-%d)
failures=0
declare -A state=()

# part NAME SECONDS COMMAND...: runs it under its limit, and remembers how it went: ok, failed, late or skipped.
part() {
  local name=$1 limit=$2 left=$((end - SECONDS)) began=$SECONDS status
  shift 2
  if [ "$left" -lt 5 ]; then
    state[$name]=skipped
    echo "gpu-check: $name: skipped, the $minutes minutes are over"
    return 1
  fi
  [ "$limit" -gt "$left" ] && limit=$left
  printf '\n=== %s (%s s): %s\n' "$name" "$limit" "$*" >>"$log"
  timeout -k 5 "$limit" "$@" >>"$log" 2>&1
  status=$?
  case $status in
    0) state[$name]=ok ;;
    124 | 137) state[$name]=late ;;
    *) state[$name]=failed ;;
  esac
  echo "gpu-check: $name: ${state[$name]} (status $status, $((SECONDS - began)) s)"
  return $status
}
skip() {
  state[$1]=skipped
  echo "gpu-check: $1: skipped, $2"
}
# must NAME: a part that counts for the exit status.
must() { [ "${state[$1]:-}" = ok ] || failures=$((failures + 1)); }
# part NAME SECONDS "${keep[@]}" FILE COMMAND...: the command's standard output goes to the file, too.
# shellcheck disable=SC2016  # for the inner shell
keep=(bash -c 'file=$1; shift; "$@" | tee -a "$file"; exit "${PIPESTATUS[0]}"' keep)

# ---------------------------------------------------------------- environment
name=$(uname -m) driver=none cuda=none architecture=
if [ -n "$gpu" ]; then
  if ! command -v nvidia-smi >/dev/null; then
    echo "gpu-check: no nvidia-smi: no NVIDIA driver on this machine; --device cpu checks what needs none" >&2
    exit 1
  fi
  ask() { nvidia-smi -i "$gpu" --query-gpu="$1" --format=csv,noheader 2>/dev/null | head -1; }
  name=$(ask name) driver=$(ask driver_version) architecture=$(ask compute_cap | tr -d .)
  case $architecture in
    90) architecture=90a ;;
    '' | *[!0-9]*)
      echo "gpu-check: nvidia-smi tells no compute capability of GPU $gpu" >&2
      exit 1
      ;;
  esac
  PATH=$PATH:/usr/local/cuda/bin
  cuda=$(nvcc --version 2>/dev/null | sed -n 's/.*release \([0-9.]*\).*/\1/p')
  if [ -z "$cuda" ]; then
    echo "gpu-check: no nvcc; install the CUDA toolkit (12.8 or later) or put it on PATH" >&2
    exit 1
  fi
fi
for tool in cmake ninja; do
  command -v $tool >/dev/null || { echo "gpu-check: no $tool on PATH" >&2; exit 1; }
done
if [ -z "$python" ]; then
  for candidate in python3 python; do
    command -v $candidate >/dev/null && $candidate -c 'import torch, transformers' 2>/dev/null && { python=$candidate; break; }
  done
fi
# cuBLAS: the system's, or the one that pip brought with torch.
if [ -n "$gpu" ] && [ -n "$python" ] && ! ldconfig -p | grep -q libcublasLt.so.1 && [ ! -e /usr/local/cuda/lib64/libcublasLt.so.13 ]; then
  wheel=$("$python" -c 'import glob, os, torch; print(next(iter(glob.glob(os.path.dirname(os.path.dirname(torch.__file__)) + "/nvidia/*/lib/libcublasLt.so.1[23]")), ""))')
  [ -n "$wheel" ] && export LD_LIBRARY_PATH="${wheel%/*}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
# NCCL likewise.
if [ -n "$gpu" ] && [ -n "$python" ] && ! ldconfig -p | grep -q libnccl.so.2; then
  wheel=$("$python" -c 'import glob, os, torch; print(next(iter(glob.glob(os.path.dirname(os.path.dirname(torch.__file__)) + "/nvidia/nccl/lib/libnccl.so.2")), ""))')
  [ -n "$wheel" ] && export LD_LIBRARY_PATH="${wheel%/*}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
{
  echo "date: $date"
  echo "device: $name"
  echo "driver: $driver"
  echo "cuda: $cuda"
  echo "commit: $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
  echo "cores: $(nproc)"
  [ -n "$python" ] && "$python" -c 'import torch, transformers; print("torch:", torch.__version__); print("transformers:", transformers.__version__)'
} >"$out/environment.txt" 2>>"$log"
cat "$out/environment.txt"

# ---------------------------------------------------------------- build
options=(-G Ninja -DCMAKE_BUILD_TYPE=Release -DMETAAPO_TESTS=ON -DMETAAPO_BENCHMARKS=ON)
if [ -n "$gpu" ]; then
  options+=(-DMETAAPO_CUDA=on "-DMETAAPO_CUDA_TARGETS=$architecture-real")
else
  options+=(-DMETAAPO_CUDA=off)
fi
dnnl=${METAAPO_DNNL_ROOT:-$PWD/target/dnnl}
if [ -n "$(find -L "$dnnl" -name libdnnl.so.3 -print -quit 2>/dev/null)" ]; then
  options+=(-DMETAAPO_ONEDNN=ON "-DMETAAPO_DNNL_ROOT=$dnnl")
else
  echo "gpu-check: no oneDNN under $dnnl: the CPU side multiplies by plain loops"
  options+=(-DMETAAPO_ONEDNN=OFF)
fi
part configure 60 cmake -S src/main/cpp -B "$build" "${options[@]}" && part build 240 cmake --build "$build"
if [ "${state[build]:-}" != ok ]; then
  tail -30 "$log"
  echo "gpu-check: the native part was not built; all of it is in $log"
  exit 1
fi

# ---------------------------------------------------------------- parity
on=()
[ -n "$gpu" ] && on=(--device "$device")
golden_limit=60 parity_limit=90
[ -z "$gpu" ] && parity_limit=200
part golden $golden_limit "$build/metaapo_tests" golden "${on[@]}"
must golden
part parity $parity_limit "$build/metaapo_tests" "${on[@]}"
must parity
grep -E '^FAILED|passed, ' "$log" | sed 's/^/  /'

# Ranks: one has the bits of none; as many as there are GPUs, where there are several, train as one does. Where NCCL is missing the
# tests say so.
ranks_on=("${on[@]}")
[ -z "$gpu" ] && ranks_on=(--backends cpu)
part ranks 90 "$build/metaapo_tests" ranks_test ops_collectives "${ranks_on[@]}"
must ranks
grep -h '^SKIPPED ranks' "$log" | sort -u | sed 's/^/  /'

# ---------------------------------------------------------------- sanitizer
sanitize() {
  local tool=$1 filter
  for filter in rmsnorm swiglu attention_with_a_sliding greedy_takes logprob_head adamw index_arrays_that_move; do
    echo "--- $tool $filter"
    compute-sanitizer --tool "$tool" --error-exitcode 9 "$build/metaapo_tests" "$filter" --device "$device" || return
  done
}
export -f sanitize
export build device
for tool in memcheck racecheck synccheck initcheck; do
  if [ -z "$gpu" ] || ! command -v compute-sanitizer >/dev/null; then
    skip $tool "no compute-sanitizer or no GPU"
  else
    part $tool 20 bash -c "sanitize $tool"
    # One that runs out of its time has found nothing: no failure.
    [ "${state[$tool]}" = failed ] && failures=$((failures + 1))
  fi
done

# ---------------------------------------------------------------- ops
if [ -n "$gpu" ]; then
  part ops 75 "$build/op_bench" --device "$device" --dtypes bf16 --shapes 8b,1.5b --csv "$out/ops.csv"
  [ -x "$build/gemm_best" ] && part gemm-best 30 "$build/gemm_best" --device "$device" --csv "$out/gemm.csv"
else
  part ops 60 "$build/op_bench" --device cpu --dtypes bf16 --shapes tiny --seconds 0.001 --csv "$out/ops.csv"
fi
if [ -n "$python" ]; then
  peer_ops=(--device "$device")
  [ -z "$gpu" ] && peer_ops+=(--sequence 32 --tokens 64)
  part torch-ops 30 "${keep[@]}" "$out/torch.jsonl" "$python" benchmarks/peer/torch_ops.py "${peer_ops[@]}"
else
  skip torch-ops "no Python with torch and transformers"
fi

# ---------------------------------------------------------------- whole models
# best COLUMN OP: the largest number of a column of ops.csv over the lines of an op.
best() { awk -F, -v c="$1" -v op="$2" 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next} $at["op"] == op && $at[c] + 0 > b {b = $at[c] + 0} END {print b + 0}' "$out/ops.csv" 2>/dev/null || echo 0; }
peak_tflops=$(best tflop_per_s gemm_square) peak_gbs=$(best gb_per_s copy)

# model SHAPE LAYERS SIDE JOBS SECONDS ARGUMENTS...: appends the jobs' JSON lines to models.jsonl.
model() {
  local shape=$1 layers=$2 side=$3 jobs=$4 limit=$5 command
  shift 5
  if [ "$side" = metaapo ]; then
    command=("$build/model_bench" --peak-tflops "$peak_tflops" --peak-gbs "$peak_gbs")
  elif [ -n "$python" ]; then
    command=("$python" benchmarks/peer/torch_peer.py)
  else
    skip "$side-$shape-$jobs" "no Python with torch and transformers"
    return 0
  fi
  part "$side-$shape-$jobs" "$limit" "${keep[@]}" "$out/models.jsonl" "${command[@]}" --device "$device" --shape "$shape" --layers "$layers" --dtype bf16 --jobs "$jobs" "$@"
}
whole=(--prompts 1 --prompt-len 2048 --response-len 2048 --reps 3)
generation=(--prompts 8 --prompt-len 256 --k 8 --new-tokens 32 --reps 2 --decode "1,256")
if [ -n "$gpu" ]; then
  for shape in 8b 1.5b; do
    model $shape 0 metaapo score 25 "${whole[@]}"
    model $shape 0 torch score 30 "${whole[@]}"
    # All layers where the card's memory holds them with f32 master weights and moments, be it with recomputation; else fewer.
    for kept in "0 0" "0 1" "16 0" "8 0"; do
      read -r layers recompute <<<"$kept"
      model $shape "$layers" metaapo dpo 45 "${whole[@]}" --recompute "$recompute" && break
    done
    peer=()
    [ "$recompute" = 1 ] && peer=(--checkpointing)
    model $shape "$layers" torch dpo 45 "${whole[@]}" "${peer[@]}"
    model $shape 0 metaapo generate,decode 40 "${generation[@]}"
    model $shape 0 torch generate,decode 50 "${generation[@]}"
  done
else
  small=(--prompts 1 --prompt-len 16 --response-len 16 --k 2 --new-tokens 8 --reps 1 --decode "1,2")
  model 30m 2 metaapo score,dpo,generate,decode 60 "${small[@]}"
  model 30m 2 torch score,dpo,generate,decode 60 "${small[@]}"
fi

# ---------------------------------------------------------------- CSV
labels="$date,$name,$driver,$cuda"
# json FILE FIELD...: a CSV of these fields of JSON lines, each line led by the labels.
json() {
  local file=$1 fields
  shift
  fields=$(IFS=,; echo "$*")
  echo "date,device,driver,cuda,$fields"
  [ -f "$file" ] || return 0
  awk -v labels="$labels" -v fields="$fields" '
    function value(key,    rest) {
      if (!match($0, "\"" key "\": ")) return ""
      rest = substr($0, RSTART + RLENGTH)
      if (substr(rest, 1, 1) == "\"") { rest = substr(rest, 2); return substr(rest, 1, index(rest, "\"") - 1) }
      match(rest, /[,}]/)
      return substr(rest, 1, RSTART - 1)
    }
    /^\{/ {
      line = labels
      n = split(fields, key, ",")
      for (i = 1; i <= n; i++) { v = value(key[i]); gsub(/,/, ";", v); line = line "," v }
      print line
    }' "$file"
}
json "$out/torch.jsonl" op shape dtype tokens sequence backend microseconds tflop_per_s torch >"$out/torch.csv"
json "$out/models.jsonl" torch metaapo shape layers recompute dtype job seconds tokens_per_s tflop_per_s gb_per_s gflops share peak_gib error >"$out/models.csv"
rm -f "$out/torch.jsonl" "$out/models.jsonl"
for file in ops gemm; do
  [ -f "$out/$file.csv" ] || continue
  awk -F, -v OFS=, -v d="$driver" -v c="$cuda" 'NR == 1 {print $0, "driver", "cuda"; next} {print $0, d, c}' "$out/$file.csv" >"$out/$file.tmp" && mv "$out/$file.tmp" "$out/$file.csv"
done

# ---------------------------------------------------------------- bounds
# bound CHECK BOUND VALUE: a line of the table; an empty value was not measured.
echo "date,device,driver,cuda,check,bound,value,verdict" >"$out/bounds.csv"
bound() {
  local verdict
  verdict=$(awk -v v="$3" -v b="$2" 'BEGIN {print (v == "" ? "not measured" : (v + 0 >= b + 0 ? "met" : "missed"))}')
  echo "$labels,$1,$2,$3,$verdict" >>"$out/bounds.csv"
  printf '%-44s %8s %10s  %s\n' "$1" "$2" "${3:--}" "$verdict"
}
# worst OP SHAPE: the least share of an op over the lines of ops.csv whose shape holds the text.
worst() { awk -F, -v op="$1" -v shape="$2" 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next} $at["op"] == op && index($at["shape"], shape) && (m == "" || $at["share"] + 0 < m + 0) {m = $at["share"]} END {print m}' "$out/ops.csv" 2>/dev/null; }
# of_model SIDE SHAPE JOB COLUMN: a number of models.csv.
of_model() { awk -F, -v side="$1" -v shape="$2" -v job="$3" -v c="$4" 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next} $at[side] != "" && $at["shape"] == shape && $at["job"] == job && $at["seconds"] != "" {v = $at[c]} END {print v}' "$out/models.csv"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {if (a != "" && b != "" && b + 0 > 0) printf "%.3f", a / b}'; }
passed() { case ${state[$1]:-skipped} in ok) echo 1 ;; skipped) ;; *) echo 0 ;; esac; }
attention() {
  local ours theirs
  ours=$(awk -F, -v op="$1" 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next} $at["op"] == op && $at["shape"] ~ /^causal .* H32 / {print $at["tflop_per_s"]}' "$out/ops.csv" 2>/dev/null)
  theirs=$(awk -F, -v op="$1" 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next} $at["op"] == op && $at["shape"] == "8b" {print $at["tflop_per_s"]}' "$out/torch.csv")
  ratio "$ours" "$theirs"
}
echo
printf '%s, driver %s, CUDA %s, %s: copy %s GB/s, matrix product %s TFLOP/s (bf16)\n' "$name" "$driver" "$cuda" "$date" "$peak_gbs" "$peak_tflops"
printf '%-44s %8s %10s  %s\n' check bound value verdict
bound "op parity on the device (1: all pass)" 1 "$(passed parity)"
bound "ranks on the device (1: all pass)" 1 "$(passed ranks)"
bound "golden models on the device (1: all pass)" 1 "$(passed golden)"
for tool in memcheck racecheck synccheck initcheck; do bound "compute-sanitizer $tool (1: clean)" 1 "$(case ${state[$tool]} in ok) echo 1 ;; failed) echo 0 ;; esac)"; done
bound "GEMM / cuBLASLt's best, least of the shapes" 0.95 "$(awk -F, 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next} m == "" || $at["share"] + 0 < m + 0 {m = $at["share"]} END {print m}' "$out/gemm.csv" 2>/dev/null)"
bound "attention forward / torch's" 0.95 "$(attention attention_forward)"
bound "attention backward / torch's" 0.95 "$(attention attention_backward)"
bound "policy step, 8B / bf16 peak" 0.50 "$(of_model metaapo 8b dpo share)"
bound "policy step, 8B / torch's" 1.5 "$(ratio "$(of_model metaapo 8b dpo tokens_per_s)" "$(of_model torch 8b dpo tokens_per_s)")"
bound "scoring, 8B / bf16 peak" 0.60 "$(of_model metaapo 8b score share)"
bound "decode by graph, 8B, batch 1 / bandwidth" 0.70 "$(of_model metaapo 8b decode-1 share)"
bound "decode by graph, 8B, batch 256 / bandwidth" 0.60 "$(of_model metaapo 8b decode-256 share)"
for op in rmsnorm_forward rmsnorm_backward; do bound "$op / copy bandwidth" 0.85 "$(worst $op C4096)"; done
bound "rope / copy bandwidth" 0.85 "$(worst rope H32)"
for op in swiglu_forward swiglu_backward; do bound "$op / copy bandwidth" 0.85 "$(worst $op F14336)"; done
bound "dequantize / copy bandwidth" 0.70 "$(worst dequantize n28672)"
bound "quantized_product, NF4, 1 row / bandwidth" 0.40 "$(worst quantized_product "nf4 m1 n28672")"
bound "adamw_step / copy bandwidth" 0.85 "$(worst adamw_step n117440512)"
bound "sample, batch 256 / copy bandwidth" 0.85 "$(worst sample "B256 V128256")"
[ "$failures" -eq 0 ] || echo "gpu-check: $failures of the checks of correctness failed; see $log"
[ "$failures" -eq 0 ]
