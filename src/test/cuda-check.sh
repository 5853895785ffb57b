#!/usr/bin/env bash
# Compiles the CUDA backend for its targets, warnings as errors, and fails on register spills and local memory. Needs nvcc
# and no GPU. cuBLASLt's declarations are compared with the real header where one is found.
#   src/test/cuda-check.sh [BUILD_FOLDER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
dir="${1:-target/native-cuda}"

nvcc="$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null || true)"
if [[ -z "$nvcc" ]]; then
    echo "SKIPPED cuda: no nvcc on this machine, so the CUDA backend is not compiled (its kernels run in the native suite)"
    exit 0
fi

# ptxas refuses a kernel that spills registers or keeps an array in local memory.
strict="-Xptxas=--warn-on-spills;-Xptxas=--warn-on-local-memory-usage;-Xptxas=--warning-as-error"
cmake -S src/main/cpp -B "$dir" -G Ninja -DCMAKE_BUILD_TYPE=Release -DMETAAPO_CUDA=on -DMETAAPO_NVCC="$nvcc" \
    -DMETAAPO_CUDA_OPTIONS="$strict" -DMETAAPO_DNNL_ROOT="$PWD/target/dnnl" >/dev/null
cmake --build "$dir" --target metaapo_cuda
echo "the CUDA backend compiles for all targets, without spills and local memory"

# Folders that do not exist stay in the list as they are written; the test for the file passes over them.
packages="$(python3 -c 'import site; print(site.getsitepackages()[0])' 2>/dev/null || true)"
header=""
for folder in /usr/local/cuda*/include /usr/local/cuda*/targets/x86_64-linux/include /usr/include \
    "$packages"/nvidia/*/include; do
    if [[ -f "$folder/cublasLt.h" ]]; then
        header="$folder"
        break
    fi
done
if [[ -z "$header" ]]; then
    echo "SKIPPED cublaslt: no cublasLt.h on this machine to compare the declarations with"
    exit 0
fi
runtime="$(dirname "$(dirname "$(readlink -f "$nvcc")")")/include"
c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -I"$header" -I"$runtime" -Isrc/main/cuda src/test/cublaslt/check.cpp
echo "cuBLASLt's declarations agree with $header/cublasLt.h"
