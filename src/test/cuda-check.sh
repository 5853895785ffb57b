#!/usr/bin/env bash
# What can be known of the CUDA backend without a GPU: compiles it for its targets, warnings as errors, and fails on register spills
# and local memory; checks with the compiler's report that each launch is one that the GPUs allow; compares our declarations
# of cuBLASLt and NCCL with the real headers and libraries. Needs nvcc (src/test/nvcc.sh brings it).
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

toolkit="$(dirname "$(dirname "$(readlink -f "$nvcc")")")"

# check_library NAME HEADER FOLDER...: compares our declarations of a library with its header, which is in the first of the folders that
# has it, and finds in the library beside it every function that the backend looks for; it loads without a GPU.
check_library() {
    local name="$1" header="$2" folder found=""
    shift 2
    for folder in "$@" "$toolkit/include" /usr/local/cuda*/include /usr/local/cuda*/targets/x86_64-linux/include /usr/include; do
        if [[ -f "$folder/$header" ]]; then
            found="$folder"
            break
        fi
    done
    if [[ -z "$found" ]]; then
        echo "SKIPPED $name: no $header on this machine to compare the declarations with"
        return
    fi
    # Our header has the library's name too: theirs is found by the brackets alone.
    c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -I"$found" -I"$toolkit/include" -iquote src/main/cuda "src/test/$name/check.cpp"
    echo "the declarations of $name agree with $found/$header"
    c++ -std=c++17 -Wall -Wextra -Werror -iquote src/main/cuda -Isrc/main/cpp/ops -Isrc/main/cpp/include -o "$dir/${name}_load" \
        "src/test/$name/load.cpp" -x c++ "src/main/cuda/${name}_library.cu" -ldl
    LD_LIBRARY_PATH="$(dirname "$found")/lib:$(dirname "$found")/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$dir/${name}_load"
}
check_library cublaslt cublasLt.h
check_library nccl nccl.h "$(dirname "$toolkit")/nccl/include"
