#!/usr/bin/env bash
# Brings nvcc, and cuBLAS and NCCL to compare our declarations with, into target/nvcc: the packages that NVIDIA publishes for Python, of the
# versions in nvcc.txt. With them the cuda suite runs where there is no CUDA toolkit. Needs Python 3 with venv.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
wanted=src/test/nvcc.txt dir=target/nvcc
! cmp -s "$wanted" "$dir/installed.txt" || exit 0
rm -rf "$dir"
python3 -m venv "$dir"
"$dir/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary=:all: -r "$wanted"
cp "$wanted" "$dir/installed.txt"
