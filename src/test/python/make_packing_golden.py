"""What bitsandbytes makes of random matrices: src/test/resources/fixtures/packing.safetensors.

usage: python make_packing_golden.py OUT.safetensors   (needs torch, bitsandbytes and safetensors; runs on a CPU)

Each case has a matrix of bf16 weights and, of NF4 without and with double quantisation and of int8, what is stored and what
bitsandbytes reads of it in bf16.
"""
import sys

import bitsandbytes.functional as F
import torch
from safetensors.torch import save_file


def main(out):
    torch.manual_seed(7)
    cases = {
        "whole": 0.02 * torch.randn(96, 192),
        "blocks across rows": 0.5 * torch.randn(40, 72),
        "outliers": torch.randn(16, 320) * torch.exp(1.5 * torch.randn(16, 320)) * 0.01,
    }
    cases["outliers"][3, :130] = 0
    tensors = {}
    for name, matrix in cases.items():
        weight = matrix.to(torch.bfloat16)
        tensors[f"{name}.weight"] = weight
        codes, state = F.quantize_4bit(weight, blocksize=64, quant_type="nf4", compress_statistics=False)
        tensors[f"{name}.nf4.codes"] = codes.reshape(-1)
        tensors[f"{name}.nf4.absmax"] = state.absmax
        tensors[f"{name}.nf4.values"] = F.dequantize_4bit(codes, state)
        codes, state = F.quantize_4bit(weight, blocksize=64, quant_type="nf4", compress_statistics=True)
        assert torch.equal(codes.reshape(-1), tensors[f"{name}.nf4.codes"])
        tensors[f"{name}.nested.absmax"] = state.absmax
        tensors[f"{name}.nested.nested_absmax"] = state.state2.absmax
        tensors[f"{name}.nested.map"] = state.state2.code
        tensors[f"{name}.nested.offset"] = state.offset.reshape(1)
        tensors[f"{name}.nested.values"] = F.dequantize_4bit(codes, state)
        rows, scales, _ = F.int8_vectorwise_quant(weight.half())
        tensors[f"{name}.int8.codes"] = rows
        tensors[f"{name}.int8.scales"] = scales.float()
        tensors[f"{name}.int8.values"] = F.int8_vectorwise_dequant(rows, scales.float()).to(torch.bfloat16)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, out)


main(sys.argv[1])
