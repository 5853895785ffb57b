// cuBLASLt behind the matrix library's interface: one plan a shape, from the library's own heuristic, kept for the next call.
// Its first choice is taken as it is, without timing others, so that a run repeats bit for bit.
//
// The tokens of a batch are counted anew in each, and a heuristic takes longer than a small product: shapes that differ in
// tokens alone have the algorithm of the next multiple of 64 of them, where the library finds that it serves.
#include "cublaslt.h"

#include <array>
#include <map>

#include "device.h"
#include "matmul.h"

namespace apo {
namespace cuda {

namespace {

constexpr size_t kWorkspace = size_t(32) << 20;  // what NVIDIA advises for Hopper and later
constexpr size_t kMostPlans = 4096;
constexpr int64_t kTokenStep = 64;
constexpr int kWanted = 4;  // algorithms of a heuristic, of which the first that serves is taken
constexpr unsigned kMostAlignment = 256;

int type_of(DType type) { return type == DType::f32 ? lt::kReal32f : lt::kReal16bf; }

unsigned alignment_of(const void* address) {
    unsigned alignment = kMostAlignment;
    while (reinterpret_cast<uintptr_t>(address) % alignment != 0) alignment /= 2;
    return alignment;
}

// A library object with its destroyer.
struct Owned {
    void* object = nullptr;
    lt::Status (*destroy)(void*) = nullptr;
    Owned() = default;
    Owned(Owned&& other) noexcept : object(other.object), destroy(other.destroy) { other.object = nullptr; }
    Owned(const Owned&) = delete;
    ~Owned() {
        if (object != nullptr) destroy(object);
    }
};

struct Choice {
    lt::Algorithm algorithm;
    size_t workspace_bytes;
};

// What the library is told of a product.
struct Description {
    Owned product, a, b, c;
};

struct Plan {
    Description description;
    Choice choice;
};

// Everything that a plan depends on.
using Key = std::array<int64_t, 14>;

Key key_of(const Gemm& op) {
    return {op.m, op.n, op.k, op.transpose_a, op.transpose_b, int64_t(op.a_type), int64_t(op.c_type), op.lda, op.ldb, op.ldc,
            op.beta != 0, alignment_of(op.a), alignment_of(op.b), alignment_of(op.c)};
}

// The product with its tokens, which are A's rows, filled up. Few of them are left as they are: there each has its best algorithm.
// So is a B that has its columns along them.
Gemm filled_up(Gemm op) {
    if (op.transpose_a && op.transpose_b) return op;
    int64_t& tokens = op.transpose_a ? op.k : op.m;
    if (tokens > kTokenStep) tokens = (tokens + kTokenStep - 1) / kTokenStep * kTokenStep;
    return op;
}

class CublasLt final : public MatrixLibrary {
public:
    explicit CublasLt(CudaDevice& device) : lt_(lt::functions()) {
        check(lt_.create(&handle_), "cublasLtCreate");
        const cudaError_t status = cudaMalloc(&workspace_, kWorkspace);
        if (status != cudaSuccess) lt_.destroy(handle_);
        device.check(status, APO_SITE("cudaMalloc of cuBLASLt's workspace"));
    }
    ~CublasLt() override {
        plans_.clear();
        cudaFree(workspace_);
        lt_.destroy(handle_);
    }

    void multiply(CudaDevice& device, const Gemm& op) override {
        const Plan& plan = plan_of(device, op);
        const float alpha = 1;
        const Site site = APO_SITE("cublasLtMatmul");
        const Description& d = plan.description;
        const lt::Status status = lt_.matmul(handle_, d.product.object, &alpha, op.b, d.a.object, op.a, d.b.object, &op.beta, op.c, d.c.object, op.c,
                                             d.c.object, &plan.choice.algorithm, workspace_, plan.choice.workspace_bytes, device.stream);
        // A kernel before that has cost the context makes the library fail too, which does not say so.
        if (status != lt::kSuccess) device.check(device.lost(), site);
        check(status, site.what);
        device.launched(site);
    }

    std::string name() const override {
        const size_t version = lt_.get_version();
        return "cuBLASLt " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
               std::to_string(version % 100);
    }

private:
    void check(lt::Status status, const char* what) const {
        if (status == lt::kSuccess) return;
        fail(APO_E_DEVICE, "%s: %s (%d); close the engine and open it again, or use --device cpu", what, lt_.get_status_string(status), status);
    }

    const Plan& plan_of(CudaDevice& device, const Gemm& op) {
        const Key key = key_of(op);
        const auto found = plans_.find(key);
        if (found != plans_.end()) return found->second;
        if (plans_.size() == kMostPlans) {  // shapes come from batches and change without end
            plans_.clear();
            choices_.clear();
            device.epoch++;
        }
        Plan plan{describe(op), {}};
        plan.choice = choose(op, plan.description);
        return plans_.emplace(key, std::move(plan)).first->second;
    }

    Choice choose(const Gemm& op, const Description& description) {
        const Gemm many = filled_up(op);
        const Key key = key_of(many);
        auto found = choices_.find(key);
        if (found == choices_.end()) found = choices_.emplace(key, ask(many, describe(many))).first;
        if (key == key_of(op)) return found->second;
        const Description& d = description;
        lt::HeuristicResult result{};
        const lt::Status status = lt_.algo_check(handle_, d.product.object, d.a.object, d.b.object, d.c.object, d.c.object,
                                                 &found->second.algorithm, &result);
        if (status == lt::kSuccess && result.workspace_bytes <= kWorkspace) return {found->second.algorithm, result.workspace_bytes};
        return ask(op, description);
    }

    // The library thinks in columns: the transpose of a row-major matrix is the same memory column-major, and
    // C^T (n,m) = op(B)^T op(A)^T. So B comes first, and both keep their flags.
    Description describe(const Gemm& op) const {
        Description d;
        check(lt_.matmul_desc_create(&d.product.object, lt::kCompute32f, lt::kReal32f), "cublasLtMatmulDescCreate");
        d.product.destroy = lt_.matmul_desc_destroy;
        const int first = op.transpose_b ? lt::kOpT : lt::kOpN, second = op.transpose_a ? lt::kOpT : lt::kOpN;
        check(lt_.matmul_desc_set_attribute(d.product.object, lt::kMatmulDescTransA, &first, sizeof first), "cublasLtMatmulDescSetAttribute");
        check(lt_.matmul_desc_set_attribute(d.product.object, lt::kMatmulDescTransB, &second, sizeof second), "cublasLtMatmulDescSetAttribute");
        layout(d.a, op.b_type, op.transpose_b ? op.k : op.n, op.transpose_b ? op.n : op.k, op.ldb);
        layout(d.b, op.a_type, op.transpose_a ? op.m : op.k, op.transpose_a ? op.k : op.m, op.lda);
        layout(d.c, op.c_type, op.n, op.m, op.ldc);
        return d;
    }

    Choice ask(const Gemm& op, const Description& d) const {
        Owned preference;
        check(lt_.preference_create(&preference.object), "cublasLtMatmulPreferenceCreate");
        preference.destroy = lt_.preference_destroy;
        const uint64_t workspace = kWorkspace;
        prefer(preference, lt::kPreferenceMaxWorkspace, workspace);
        prefer(preference, lt::kPreferenceReductionSchemes, lt::kReductionComputeType);
        prefer(preference, lt::kPreferenceAlignmentA, uint32_t(alignment_of(op.b)));
        prefer(preference, lt::kPreferenceAlignmentB, uint32_t(alignment_of(op.a)));
        prefer(preference, lt::kPreferenceAlignmentC, uint32_t(alignment_of(op.c)));
        prefer(preference, lt::kPreferenceAlignmentD, uint32_t(alignment_of(op.c)));
        lt::HeuristicResult results[kWanted]{};
        int count = 0;
        const lt::Status status = lt_.get_heuristic(handle_, d.product.object, d.a.object, d.b.object, d.c.object, d.c.object,
                                                    preference.object, kWanted, results, &count);
        for (int i = 0; status == lt::kSuccess && i < count; i++) {
            if (results[i].state == lt::kSuccess) return {results[i].algorithm, results[i].workspace_bytes};
        }
        const lt::Status why = status == lt::kSuccess && count > 0 ? results[0].state : status;
        fail(APO_E_UNSUPPORTED, "cuBLASLt has no product of (%lld, %lld) by (%lld, %lld): %s (%d); use --device cpu", (long long)op.m, (long long)op.k,
             (long long)op.k, (long long)op.n, lt_.get_status_string(why), why);
    }

    void layout(Owned& owned, DType type, int64_t rows, int64_t columns, int64_t ld) const {
        check(lt_.matrix_layout_create(&owned.object, type_of(type), uint64_t(rows), uint64_t(columns), ld), "cublasLtMatrixLayoutCreate");
        owned.destroy = lt_.matrix_layout_destroy;
    }

    template <class Value>
    void prefer(const Owned& preference, int attribute, Value value) const {
        check(lt_.preference_set_attribute(preference.object, attribute, &value, sizeof value), "cublasLtMatmulPreferenceSetAttribute");
    }

    const lt::Functions& lt_;
    lt::Handle handle_ = nullptr;
    void* workspace_ = nullptr;
    std::map<Key, Plan> plans_;
    std::map<Key, Choice> choices_;  // of products whose tokens are filled up
};

}  // namespace

std::unique_ptr<MatrixLibrary> open_matrix_library(CudaDevice& device) { return std::make_unique<CublasLt>(device); }

}  // namespace cuda
}  // namespace apo
