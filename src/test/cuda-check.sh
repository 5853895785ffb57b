#!/usr/bin/env bash
# What can be known of the CUDA backend without a GPU: compiles it for its targets, warnings as errors, and fails on register spills
# and local memory; checks with the compiler's report that each launch is one that the GPUs allow; compares cuBLASLt's declarations
# with the real header and library. Needs nvcc (src/test/nvcc.sh brings it).
#   src/test/cuda-check.sh [BUILD_FOLDER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
dir="${1:-target/native-cuda}"

shopt -s nullglob
brought=(target/nvcc/lib/python3*/site-packages/nvidia/cu*)
nvcc="${brought[0]:+$PWD/${brought[0]}/bin/nvcc}"
[[ -n "$nvcc" ]] || nvcc="$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null || true)"
if [[ -z "$nvcc" ]]; then
    echo "SKIPPED cuda: no nvcc on this machine (src/test/nvcc.sh brings it), so the CUDA backend is not compiled (its kernels run in the native suite)"
    exit 0
fi

# The code that the library is made of, and what a driver makes of its PTX for 12.0.
cmake -S src/main/cpp -B "$dir" -G Ninja -DCMAKE_BUILD_TYPE=Release -DMETAAPO_CUDA=on -DMETAAPO_NVCC="$nvcc" \
    -DMETAAPO_CUDA_OPTIONS="-Xptxas=-v;-gencode=arch=compute_100,code=sm_120" \
    -DCMAKE_CUDA_COMPILER_LAUNCHER="$PWD/src/test/kernel-resources.sh;compile" -DMETAAPO_DNNL_ROOT="$PWD/target/dnnl" >/dev/null
cmake --build "$dir" --target metaapo_cuda
src/test/kernel-resources.sh report "$dir" >"$dir/resources.txt"
echo "the CUDA backend compiles for all targets, without spills and local memory"

# As the native suite builds it: what is built already is taken.
tests=target/native-emulated
cmake -S src/main/cpp -B "$tests" -G Ninja -DCMAKE_BUILD_TYPE=Release -DMETAAPO_TESTS=ON -DMETAAPO_CUDA=off \
    -DMETAAPO_DNNL_ROOT="$PWD/target/dnnl" >/dev/null
cmake --build "$tests" --target metaapo_tests
"$tests/metaapo_tests" --launches --resources "$dir/resources.txt"

header="" toolkit="$(dirname "$(dirname "$(readlink -f "$nvcc")")")"
for folder in "$toolkit/include" /usr/local/cuda*/include /usr/local/cuda*/targets/x86_64-linux/include /usr/include; do
    if [[ -f "$folder/cublasLt.h" ]]; then
        header="$folder"
        break
    fi
done
if [[ -z "$header" ]]; then
    echo "SKIPPED cublaslt: no cublasLt.h on this machine to compare the declarations with"
    exit 0
fi
c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -I"$header" -I"$toolkit/include" -Isrc/main/cuda src/test/cublaslt/check.cpp
echo "cuBLASLt's declarations agree with $header/cublasLt.h"

# The library loads without a GPU: it has every function that the backend looks for.
c++ -std=c++17 -Wall -Wextra -Werror -Isrc/main/cuda -Isrc/main/cpp/ops -Isrc/main/cpp/include -o "$dir/cublaslt_load" \
    src/test/cublaslt/load.cpp -x c++ src/main/cuda/cublaslt_library.cu -ldl
LD_LIBRARY_PATH="$(dirname "$header")/lib:$(dirname "$header")/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$dir/cublaslt_load"
