#include "matmul.h"

#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "error.h"

namespace apo {

void sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
           const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
    const dnnl_status_t status = dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb,
                                            beta, c, ldc);
    if (status != dnnl_success) {
        fail(APO_E_INTERNAL, "oneDNN sgemm failed with status %d at m %lld, n %lld, k %lld", int(status), (long long)m,
             (long long)n, (long long)k);
    }
}

std::string matmul_name() {
    const dnnl_version_t* version = dnnl_version();
    return "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." + std::to_string(version->patch);
}

Bf16Products matmul_bf16() {
    // An instruction set's bits are among those of each set that has it.
    const auto has = [isa = unsigned(dnnl::get_effective_cpu_isa())](dnnl::cpu_isa part) { return (isa & unsigned(part)) == unsigned(part); };
    if (has(dnnl::cpu_isa::avx512_core_amx)) return Bf16Products::tiles;
    return has(dnnl::cpu_isa::avx512_core_bf16) ? Bf16Products::vectors : Bf16Products::widened;
}

void bf16_gemm(const Gemm& gemm) {
    using dnnl::memory;
    try {
        const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
        dnnl::stream stream(engine);
        auto strides = [](bool transpose, int64_t ld) { return transpose ? memory::dims{1, ld} : memory::dims{ld, 1}; };
        const auto c_type = gemm.c_type == DType::f32 ? memory::data_type::f32 : memory::data_type::bf16;
        const memory::desc a({gemm.m, gemm.k}, memory::data_type::bf16, strides(gemm.transpose_a, gemm.lda));
        const memory::desc b({gemm.k, gemm.n}, memory::data_type::bf16, strides(gemm.transpose_b, gemm.ldb));
        const memory::desc c({gemm.m, gemm.n}, c_type, memory::dims{gemm.ldc, 1});
        dnnl::primitive_attr attributes;
        if (gemm.beta != 0) {
            dnnl::post_ops sum;
            sum.append_sum(gemm.beta);
            attributes.set_post_ops(sum);
        }
        // oneDNN keeps compiled primitives in a cache of its own; a repeated shape costs a lookup.
        const dnnl::matmul product(dnnl::matmul::primitive_desc(engine, a, b, c, attributes));
        product.execute(stream, {{DNNL_ARG_SRC, memory(a, engine, const_cast<void*>(gemm.a))},
                                 {DNNL_ARG_WEIGHTS, memory(b, engine, const_cast<void*>(gemm.b))},
                                 {DNNL_ARG_DST, memory(c, engine, gemm.c)}});
        stream.wait();
    } catch (const dnnl::error& e) {
        fail(e.status == dnnl_out_of_memory ? APO_E_MEMORY : APO_E_INTERNAL, "oneDNN bf16 matmul failed: %s", e.what());
    }
}

}  // namespace apo
