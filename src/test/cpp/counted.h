// Op tables that count what the engine asks of a backend.
#pragma once

#include <algorithm>
#include <map>

#include "backends.h"
#include "ops.h"

namespace apo_test {

// An op table that counts: calls of some ops, and the bytes of device memory that are allocated, and the most that ever were.
struct Counts {
    const apo::OpTable* base = nullptr;
    int attention_backward = 0, swiglu_backward = 0, rmsnorm_backward = 0, embedding_backward = 0, bias_backward = 0, all_gathers = 0;
    int64_t gemm_flops = 0;
    std::map<void*, size_t> blocks;
    int64_t most_bytes = 0;
    int64_t bytes() const {
        int64_t sum = 0;
        for (const auto& block : blocks) sum += int64_t(block.second);
        return sum;
    }
};

inline Counts counts;

inline Backend counted(const Backend& backend, apo::OpTable& table) {
    counts = {};
    counts.base = backend.ops;
    table = *backend.ops;
    table.attention_backward = [](apo::Device& d, const apo::AttentionBackward& op) { counts.attention_backward++, counts.base->attention_backward(d, op); };
    table.swiglu_backward = [](apo::Device& d, const apo::SwigluBackward& op) { counts.swiglu_backward++, counts.base->swiglu_backward(d, op); };
    table.rmsnorm_backward = [](apo::Device& d, const apo::RmsNormBackward& op) { counts.rmsnorm_backward++, counts.base->rmsnorm_backward(d, op); };
    table.embedding_backward = [](apo::Device& d, const apo::EmbeddingBackward& op) { counts.embedding_backward++, counts.base->embedding_backward(d, op); };
    table.bias_backward = [](apo::Device& d, const apo::BiasBackward& op) { counts.bias_backward++, counts.base->bias_backward(d, op); };
    table.gemm = [](apo::Device& d, const apo::Gemm& op) { counts.gemm_flops += 2 * op.m * op.n * op.k, counts.base->gemm(d, op); };
    table.all_gather = [](apo::Device& d, const apo::AllGather& op) { counts.all_gathers++, counts.base->all_gather(d, op); };
    table.allocate = [](apo::Device& d, size_t bytes) {
        void* block = counts.base->allocate(d, bytes);
        counts.blocks[block] = bytes;
        counts.most_bytes = std::max(counts.most_bytes, counts.bytes());
        return block;
    };
    table.release = [](apo::Device& d, void* block) {
        counts.blocks.erase(block);
        counts.base->release(d, block);
    };
    // On the CPU the host's memory is the device's, and the engine sees it by the functions.
    if (backend.ops->allocate_host == backend.ops->allocate) table.allocate_host = table.allocate, table.release_host = table.release;
    return {backend.name, &table, backend.open};
}

}  // namespace apo_test
