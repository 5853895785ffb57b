// The functions of the CPU backend that are compiled for each instruction set; table.cpp gathers them.
#pragma once

#include "device.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

#define APO_OP_FUNCTION(name, Argument) void name(Device&, const Argument&);
APO_OPS(APO_OP_FUNCTION)
#undef APO_OP_FUNCTION
int64_t quantized_rows(const QuantizedMatrix& w);
double squared_norm(Device&, const float* x, int64_t n);

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
