// Times every op of the op table, each beside the ceiling of the device that bounds it, both measured here: the bandwidth of a
// large copy for ops bound by memory, the best square matrix product for ops bound by arithmetic.
//
//   op_bench [--device cpu|cuda:N|emulated] [--shapes tiny,1.5b,8b] [--tokens N] [--dtypes f32,bf16] [--filter TEXT]
//            [--seconds S] [--threads N] [--csv FILE]
//
// A time is the median of 5 rounds; a round launches the op until S seconds (0.02) are expected to be full and waits for the
// device once; of one thread of the CPU it is processor time. Rounds go around input sets of more bytes than a cache holds. `share` is
// of the ceiling, for `bytes` or `flops` that an op cannot do without (ops/bench.h). A copy alone is measured where a filter leaves out what needs a product.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <map>
#include <set>

#include "ops/bench.h"

namespace {

using namespace op_bench;

struct Options {
    std::string device = "cpu", shapes, dtypes = "f32,bf16", filter, csv;
    int64_t tokens = 0;
    int threads = 0;
    double seconds = 0.02;
};

[[noreturn]] void usage(const std::string& what) {
    std::fprintf(stderr,
                 "op_bench: %s\nusage: op_bench [--device cpu|cuda:N|emulated] [--shapes tiny,1.5b,8b] [--tokens N] [--dtypes f32,bf16] "
                 "[--filter TEXT] [--seconds S] [--threads N] [--csv FILE]\n",
                 what.c_str());
    std::exit(2);
}

Options parse(int argc, char** argv) {
    Options o;
    for (int i = 1; i < argc; i += 2) {
        const std::string flag = argv[i];
        if (i + 1 == argc) usage(flag + " needs a value");
        const char* value = argv[i + 1];
        if (flag == "--device") o.device = value;
        else if (flag == "--shapes") o.shapes = value;
        else if (flag == "--dtypes") o.dtypes = value;
        else if (flag == "--filter") o.filter = value;
        else if (flag == "--csv") o.csv = value;
        else if (flag == "--tokens") o.tokens = std::atoll(value);
        else if (flag == "--threads") o.threads = std::atoi(value);
        else if (flag == "--seconds") o.seconds = std::atof(value);
        else usage("unknown flag " + flag);
    }
    if (o.shapes.empty()) o.shapes = o.device.rfind("cuda:", 0) == 0 ? "1.5b,8b" : "tiny";
    return o;
}

std::vector<std::string> split(const std::string& list) {
    std::vector<std::string> parts;
    for (size_t begin = 0; begin <= list.size();) {
        const size_t end = std::min(list.find(',', begin), list.size());
        parts.push_back(list.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

Sizes sizes_of(const std::string& name, int64_t tokens) {
    const std::map<std::string, Sizes> all{
        {"tiny", {"tiny", 64, 64, 176, 4, 2, 16, 512, 32}},
        {"1.5b", {"1.5b", 8192, 1536, 8960, 12, 2, 128, 151936, 4096}},
        {"8b", {"8b", 8192, 4096, 14336, 32, 8, 128, 128256, 4096}},
    };
    const auto found = all.find(name);
    if (found == all.end()) usage("unknown shape " + name + "; expected tiny, 1.5b or 8b");
    Sizes sizes = found->second;
    if (tokens > 0) sizes.tokens = tokens;
    return sizes;
}

apo_test::Backend backend_of(const Options& o) {
    if (o.device == "cpu") return {"cpu", &apo::cpu_ops(), {APO_CPU, 0, o.threads, 0}};
    if (o.device.rfind("cuda:", 0) == 0) apo_test::options().cuda_index = std::atoi(o.device.c_str() + 5);
    else if (o.device != "emulated") usage("unknown device " + o.device);
    return apo_test::cuda_backend();
}

class Timer {
public:
    // processor: the process's own time, which others on the machine do not change; for one thread.
    Timer(const Target& target, double seconds, int64_t spread, bool processor)
        : target_(target), seconds_(seconds), spread_(spread), clock_(processor ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC), flag_(zeros(target, 4)) {}

    // Seconds of one launch.
    double measure(const Case& c) {
        const double bytes = std::max(c.bytes, 1.0);
        const int sets = c.bytes > 0 ? int(std::clamp(double(spread_) / bytes, 1.0, 8.0)) : 1;
        std::vector<Launch> launches;
        for (int i = 0; i < sets; i++) launches.push_back(c.prepare());
        for (const Launch& launch : launches) launch();
        wait();
        const double once = run(launches, 1);
        const int count = int(std::clamp(seconds_ / std::max(once, 1e-7), 1.0, 2000.0));
        std::vector<double> rounds;
        for (int i = 0; i < 5; i++) rounds.push_back(run(launches, count));
        std::sort(rounds.begin(), rounds.end());
        return rounds[rounds.size() / 2];
    }

private:
    double now() const {
        timespec time{};
        clock_gettime(clock_, &time);
        return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
    }
    void wait() {
        float value;
        target_.ops.copy_to_host(target_.device, &value, flag_.get(), 4);  // comes after all that was launched
    }
    double run(const std::vector<Launch>& launches, int count) {
        const double start = now();
        for (int i = 0; i < count; i++) launches[next_++ % launches.size()]();
        wait();
        return (now() - start) / count;
    }

    Target target_;
    double seconds_;
    int64_t spread_;
    clockid_t clock_;
    Memory flag_;
    size_t next_ = 0;
};

struct Ceilings {
    double bytes_per_second = 0;
    std::map<DType, double> flops_per_second;
};

class Report {
public:
    Report(const Options& o, const apo_device_info& info) : info_(info) {
        const std::time_t time = std::time(nullptr);
        std::strftime(date_, sizeof date_, "%Y-%m-%d", std::gmtime(&time));
        if (!o.csv.empty()) {
            file_ = std::fopen(o.csv.c_str(), "w");
            if (file_ == nullptr) usage("cannot write " + o.csv);
            std::fprintf(file_, "date,device,isa,gemm,op,shape,dtype,microseconds,gb_per_s,tflop_per_s,ceiling,share\n");
        }
        std::printf("%s, %s, %s\n%-20s %-38s %-5s %12s %10s %10s %7s\n", info.name, info.isa, info.gemm, "op", "shape", "dtype", "us", "GB/s", "TFLOP/s", "share");
    }
    ~Report() {
        if (file_ != nullptr) std::fclose(file_);
    }
    Report(const Report&) = delete;

    void line(const Case& c, double seconds, const Ceilings& ceilings) {
        const double bytes = c.bytes / seconds, flops = c.flops / seconds;
        const auto product = ceilings.flops_per_second.find(c.dtype);
        const double ceiling = c.flops > 0 ? (product == ceilings.flops_per_second.end() ? 0 : product->second) : ceilings.bytes_per_second;
        const double share = ceiling > 0 ? (c.flops > 0 ? flops : bytes) / ceiling : 0;
        const char* dtype = c.dtype == DType::f32 ? "f32" : "bf16";
        std::printf("%-20s %-38s %-5s %12.2f %10.1f %10.2f %6.1f%%\n", c.op.c_str(), c.shape.c_str(), dtype, seconds * 1e6, bytes / 1e9, flops / 1e12, 100 * share);
        std::fflush(stdout);
        if (file_ == nullptr) return;
        std::fprintf(file_, "%s,%s,%s,%s,%s,%s,%s,%.3f,%.2f,%.4f,%s,%.4f\n", date_, info_.name, info_.isa, info_.gemm, c.op.c_str(), c.shape.c_str(), dtype,
                     seconds * 1e6, bytes / 1e9, flops / 1e12, c.flops > 0 ? "gemm" : "copy", share);
        std::fflush(file_);
    }

private:
    apo_device_info info_;
    char date_[16];
    std::FILE* file_ = nullptr;
};

int run(const Options& o) {
    const apo_test::Backend backend = backend_of(o);
    std::vector<DType> dtypes;
    for (const std::string& name : split(o.dtypes)) {
        if (name != "f32" && name != "bf16") usage("unknown dtype " + name + "; expected f32 or bf16");
        dtypes.push_back(name == "f32" ? DType::f32 : DType::bf16);
    }
    const auto close = backend.ops->close;
    const std::unique_ptr<apo::Device, void (*)(apo::Device*)> device(backend.ops->open(backend.open), close);
    const Target target{*backend.ops, *device};
    const bool gpu = o.device.rfind("cuda:", 0) == 0, tiny = o.shapes == "tiny";
    apo_device_info info{};
    target.ops.info(*device, &info);
    Report report(o, info);
    // On a GPU more than the L2 of any; on the host what a quick run can have.
    Timer timer(target, o.seconds, int64_t(gpu ? 256 : tiny ? 0 : 64) << 20, o.device == "cpu" && o.threads == 1);
    Ceilings ceilings;
    const Case copy = large_copy(target, int64_t(gpu ? 1024 : tiny ? 4 : 256) << 20);
    const double copy_seconds = timer.measure(copy);
    ceilings.bytes_per_second = copy.bytes / copy_seconds;
    report.line(copy, copy_seconds, ceilings);
    for (DType dtype : dtypes) {
        if (target.ops.gemm == nullptr) break;
        for (int64_t n : gpu ? std::vector<int64_t>{4096, 8192} : std::vector<int64_t>{tiny ? 128 : 1024}) {
            const Case square = square_product(target, n, dtype);
            const double seconds = timer.measure(square);
            double& best = ceilings.flops_per_second[dtype];
            best = std::max(best, square.flops / seconds);
            report.line(square, seconds, ceilings);
        }
    }
    int failed = 0;
    std::set<std::string> done;  // what does not depend on the dtype of a model is measured once
    for (const std::string& shape : split(o.shapes)) {
        for (DType dtype : dtypes) {
            Cases cases;
            const Sizes sizes = sizes_of(shape, o.tokens);
            add_row_cases(cases, target, sizes, dtype);
            add_matrix_cases(cases, target, sizes, dtype);
            add_head_cases(cases, target, sizes, dtype);
            add_decode_cases(cases, target, sizes, dtype);
            for (const Case& c : cases) {
                if (c.op.find(o.filter) == std::string::npos || !c.present) continue;
                if (!done.insert(c.op + c.shape + std::to_string(int(c.dtype))).second) continue;
                try {
                    report.line(c, timer.measure(c), ceilings);
                } catch (const std::exception& e) {
                    std::fprintf(stderr, "op_bench: %s, %s: %s\n", c.op.c_str(), c.shape.c_str(), e.what());
                    failed++;
                }
            }
        }
    }
    return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    try {
        return run(options);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "op_bench: %s\n", e.what());
        return 1;
    }
}
