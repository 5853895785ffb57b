// Times the hot jobs of preference optimisation on random weights through the C API, and prints a JSON line a job.
//
//   score     log-probs of P prompts with two answers each
//   dpo       fused forward, loss and backward of P pairs, clipping, AdamW
//   generate  K answers to each of P prompts
//   decode    the steps of B sequences alone (--decode 1,256): two lengths of answers, and the difference of their times. On a GPU
//             these are replays of a CUDA graph, as of any generator: the run that is not timed has recorded it
//
// tokens_per_s counts the tokens of the padded job, 2 P (prompt + response), as a trainer without shared prompts would
// have to run them, so that it compares with the same figure of benchmarks/peer/torch_peer.py. tflop_per_s counts the
// operations that the job has to do, a shared prompt once and nothing of a recomputation; gb_per_s of decoding the bytes
// of weights and cache that a step has to read. share is of --peak-tflops or --peak-gbs, as op_bench measured them; 0 without.
// --layers N keeps N layers of the shape, for cards that do not hold the whole. Where the plan does not fit: exit status 4.
// Under mpirun each process is a rank: scoring and dpo are done by all, each on a batch of its own, --shard says what they share, and rank 0
// prints the tokens of all (benchmarks/weak_scaling.py).
// --adapter-rank R puts a low-rank adapter on all seven projections: it is what dpo trains, and the other jobs run with it.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "metaapo.h"

namespace {

struct Options {
    std::string jobs = "score,dpo,generate", shape = "30m", dtype = "f32", device = "cpu", decode = "1,64", peak_tflops = "0", peak_gbs = "0", shard = "none";
    int prompts = 4, prompt_len = 256, response_len = 256, k = 8, new_tokens = 64, reps = 3, threads = 0, recompute = 0, layers = 0, adapter_rank = 0;
    bool share = true;
};

const char* const kShards[] = {"none", "optimizer", "gradients", "weights"};  // as apo_shard

apo_error error;

void check(apo_status status) {
    if (status == APO_OK) return;
    std::fprintf(stderr, "model_bench: %s\n", error.message);
    std::exit(1);
}

apo_model_config shape_of(const std::string& name) {
    apo_model_config c{};
    c.rms_norm_eps = 1e-6;
    c.rope_theta = 10000;
    auto set = [&](int vocab, int hidden, int ffn, int layers, int heads, int kv_heads, int positions) {
        c.vocab_size = vocab, c.hidden_size = hidden, c.intermediate_size = ffn, c.layers = layers;
        c.heads = heads, c.kv_heads = kv_heads, c.head_dim = hidden / heads, c.max_positions = positions;
    };
    if (name == "30m") {
        set(8192, 512, 1408, 8, 8, 4, 4096);
    } else if (name == "135m") {
        set(49152, 576, 1536, 30, 9, 3, 8192);
        c.tied_head = 1;
    } else if (name == "0.5b") {
        set(151936, 896, 4864, 24, 14, 2, 32768);
        c.tied_head = c.qkv_bias = 1;
    } else if (name == "1.5b") {
        set(151936, 1536, 8960, 28, 12, 2, 32768);
        c.tied_head = c.qkv_bias = 1;
    } else if (name == "8b") {
        set(128256, 4096, 14336, 32, 32, 8, 8192);
    } else {
        std::fprintf(stderr, "model_bench: unknown shape %s; expected 30m, 135m, 0.5b, 1.5b or 8b\n", name.c_str());
        std::exit(2);
    }
    return c;
}

int64_t parameters(const apo_model_config& c) {
    int64_t width = int64_t(c.heads + 2 * c.kv_heads) * c.head_dim;
    int64_t layer = width * c.hidden_size + int64_t(c.heads) * c.head_dim * c.hidden_size +
                    3 * int64_t(c.intermediate_size) * c.hidden_size + 2 * c.hidden_size + (c.qkv_bias ? width : 0);
    int64_t table = int64_t(c.vocab_size) * c.hidden_size;
    return layer * c.layers + table * (c.tied_head ? 1 : 2) + c.hidden_size;
}

// Of one run: by the clock, and of the processor over all threads, which other programs on the machine hardly change.
struct Time {
    double seconds, cpu_seconds;
};

double now(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

template <class F>
Time median_time(int reps, F run) {
    run();
    std::vector<double> seconds, cpu_seconds;
    for (int i = 0; i < reps; i++) {
        const double start = now(CLOCK_MONOTONIC), cpu_start = now(CLOCK_PROCESS_CPUTIME_ID);
        run();
        seconds.push_back(now(CLOCK_MONOTONIC) - start);
        cpu_seconds.push_back(now(CLOCK_PROCESS_CPUTIME_ID) - cpu_start);
    }
    return {median(seconds), median(cpu_seconds)};
}

struct Batch {
    std::vector<int32_t> tokens, prompt_lengths, answer_counts, answer_lengths;
    apo_batch view{};
};

std::vector<int32_t> draw(std::mt19937& random, int n, int vocab) {
    std::vector<int32_t> ids(static_cast<size_t>(n));
    for (auto& id : ids) id = 2 + int32_t(random() % uint32_t(vocab - 2));
    return ids;
}

Batch make_batch(const Options& o, int vocab) {
    std::mt19937 random(0);
    Batch b;
    auto append = [&](const std::vector<int32_t>& ids) { b.tokens.insert(b.tokens.end(), ids.begin(), ids.end()); };
    for (int p = 0; p < o.prompts; p++) {
        auto prompt = draw(random, o.prompt_len, vocab);
        for (int answer = 0; answer < 2; answer++) {
            if (answer == 0 || !o.share) {
                append(prompt);
                b.prompt_lengths.push_back(o.prompt_len);
                b.answer_counts.push_back(o.share ? 2 : 1);
            }
            append(draw(random, o.response_len, vocab));
            b.answer_lengths.push_back(o.response_len);
        }
    }
    b.view = {int32_t(b.prompt_lengths.size()), int32_t(b.answer_lengths.size()), int64_t(b.tokens.size()),
              b.tokens.data(), b.prompt_lengths.data(), b.answer_counts.data(), b.answer_lengths.data()};
    return b;
}

// Operations of a forward: two for each weight of a layer and token, four for each visible key, and the head on answer rows.
double forward_flops(const apo_model_config& c, const Options& o) {
    const double P = o.prompt_len, R = o.response_len, answers = 2.0 * o.prompts, packs = o.share ? o.prompts : answers;
    const double tokens = packs * P + answers * R, visible = packs * P * (P + 1) / 2 + answers * (R * P + R * (R + 1) / 2);
    const double layer = double(parameters(c) - int64_t(c.vocab_size) * c.hidden_size * (c.tied_head ? 1 : 2));
    return 2 * tokens * layer + 4 * visible * c.heads * c.head_dim * c.layers + 2 * answers * R * c.vocab_size * c.hidden_size;
}

class Bench {
public:
    explicit Bench(const Options& options) : o(options), config(shape_of(o.shape)), dtype(o.dtype == "bf16" ? APO_BF16 : APO_F32) {
        if (o.layers > 0) config.layers = o.layers;
        int index = 0;
        if (o.device != "cpu" && std::sscanf(o.device.c_str(), "cuda:%d", &index) != 1) {
            std::fprintf(stderr, "model_bench: unknown device %s; expected cpu or cuda:N\n", o.device.c_str());
            std::exit(2);
        }
        const apo_engine_options engine_options{o.device == "cpu" ? APO_CPU : APO_CUDA, index, o.threads, 0};
        shard = int32_t(std::find(std::begin(kShards), std::end(kShards), o.shard) - std::begin(kShards));
        if (shard > APO_SHARD_WEIGHTS) {
            std::fprintf(stderr, "model_bench: unknown --shard %s; expected none, optimizer, gradients or weights\n", o.shard.c_str());
            std::exit(2);
        }
        join_ranks();
        check(apo_engine_create(&engine_options, &engine, &error));
        if (group != nullptr) check(apo_engine_join(engine, group, &error));
        check(apo_engine_info(engine, &info, &error));
        batch = make_batch(o, config.vocab_size);
        ranks.assign(size_t(config.layers) * APO_PROJECTIONS, o.adapter_rank);
        scales.assign(ranks.size(), 2);
        adapter_config = {APO_HEAD_LM, config.layers, ranks.data(), scales.data(), 0, 0};
        refuse_what_does_not_fit();
        const apo_model_options model_options{dtype, 0, APO_QUANTIZE_NONE, shard == APO_SHARD_WEIGHTS};
        check(apo_model_create(engine, &config, &model_options, &model, &error));
        random_weights();
        if (o.adapter_rank == 0) return;
        check(apo_adapter_create(model, &adapter_config, &adapter, &error));
        check(apo_adapter_initialize(adapter, 0, APO_INIT_UNIFORM, &error));
    }
    ~Bench() {
        check(apo_adapter_close(adapter, &error));
        check(apo_model_close(model, &error));
        check(apo_engine_close(engine, &error));
        check(apo_ranks_close(group, &error));
    }
    Bench(const Bench&) = delete;

    void run() {
        if (wants("score")) score();
        if (wants("dpo")) dpo();
        if (wants("generate")) generate();
        if (!wants("decode")) return;
        for (const char* at = o.decode.c_str(); *at != 0; at += std::strcspn(at, ","), at += *at == ',') decode(std::atoi(at));
    }

private:
    bool wants(const char* job) const { return ("," + o.jobs + ",").find(std::string(",") + job + ",") != std::string::npos; }

    void join_ranks() {
        const char* launched = std::getenv("OMPI_COMM_WORLD_SIZE");
        if (launched == nullptr || std::atoi(launched) < 2) return;
        check(apo_ranks_open_mpi(std::atoi(launched), o.device != "cpu", &group, &error));
        check(apo_ranks_info_of(group, &me, &error));
        if (!wants("generate") && !wants("decode")) return;
        std::fprintf(stderr, "model_bench: --jobs %s on %d ranks; expected score and dpo alone\n", o.jobs.c_str(), me.size);
        std::exit(2);
    }

    const apo_adapter_config* adapter_config_or_null() const { return o.adapter_rank > 0 ? &adapter_config : nullptr; }

    // Operations of a forward through the adapter: two for each of its weights and token.
    double adapter_flops() const {
        if (o.adapter_rank == 0) return 0;
        const double heads = double(config.heads) * config.head_dim, kv = double(config.kv_heads) * config.head_dim;
        const double C = config.hidden_size, F = config.intermediate_size;
        const double sides = (C + heads) + 2 * (C + kv) + (heads + C) + 2 * (C + F) + (F + C);
        return 2 * double(batch.view.token_count) * o.adapter_rank * sides * config.layers;
    }

    void refuse_what_does_not_fit() {
        const apo_trainer_options trainer{batch.view.token_count, o.recompute, APO_OPTIMIZER_F32, 0, 0, shard};
        apo_memory_plan plan{};
        check(apo_plan(&config, dtype, APO_QUANTIZE_NONE, o.device == "cpu" ? APO_CPU : APO_CUDA, me.size, adapter_config_or_null(),
                       wants("dpo") ? &trainer : nullptr, nullptr, &plan, &error));
        const double need = double(plan.weights + plan.adapter + plan.gradients + plan.master + plan.moments + plan.trainer_activations + plan.trainer_workspace + plan.backend);
        if (need <= double(info.memory_free)) return;
        std::fprintf(stderr, "model_bench: %s with %d layers needs %.1f GiB, %.1f are free; use --layers, --recompute 1 or a smaller batch\n",
                     o.shape.c_str(), config.layers, need / (1 << 30), double(info.memory_free) / (1 << 30));
        std::exit(4);
    }

    // Normal numbers of a pattern that repeats: as hard to multiply as fresh ones, and made at once.
    void random_weights() {
        constexpr int64_t kPattern = 1 << 22;
        std::mt19937 random(0);
        std::normal_distribution<float> normal(0, 0.02f);
        const std::vector<float> ones(1 << 16, 1.0f);
        std::vector<float> pattern(kPattern);
        for (float& x : pattern) x = normal(random);
        std::vector<uint16_t> halves;
        if (dtype == APO_BF16) {
            for (const float& x : pattern) {
                uint32_t bits;
                std::memcpy(&bits, &x, 4);
                halves.push_back(uint16_t(bits >> 16));
            }
        }
        int32_t count = 0;
        check(apo_model_tensor_count(model, &count, &error));
        for (int32_t i = 0; i < count; i++) {
            apo_tensor_info tensor;
            check(apo_model_tensor(model, i, &tensor, &error));
            if (tensor.rank == 1 && std::strstr(tensor.name, "norm.weight") == nullptr) continue;  // biases stay 0
            if (tensor.rank == 1) check(apo_model_write(model, i, 0, tensor.count, ones.data(), APO_F32, &error));
            for (int64_t at = 0; tensor.rank > 1 && at < tensor.count; at += kPattern) {
                const void* source = dtype == APO_BF16 ? static_cast<const void*>(halves.data()) : pattern.data();
                check(apo_model_write(model, i, at, std::min(kPattern, tensor.count - at), source, dtype, &error));
            }
        }
    }

    double peak_gib() const {
        apo_device_info now;
        check(apo_engine_info(engine, &now, &error));
        if (o.device != "cpu") return double(now.memory_total - now.memory_free) / (1 << 30);
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        return double(usage.ru_maxrss) / (1 << 20);
    }

    // Before the job's handles are closed: the memory is theirs.
    void report(const std::string& job, Time time, double tokens, double flops, double bytes) const {
        if (me.rank > 0) return;
        const double seconds = time.seconds, tflops = flops / seconds / 1e12, gbs = bytes / seconds / 1e9;
        const double peak = std::atof((bytes > 0 ? o.peak_gbs : o.peak_tflops).c_str());
        std::printf("{\"job\": \"%s\", \"shape\": \"%s\", \"layers\": %d, \"recompute\": %d, \"params_m\": %.1f, \"dtype\": \"%s\", \"device\": \"%s\", "
                    "\"isa\": \"%s\", \"ranks\": %d, \"shard\": \"%s\", \"threads\": %d, \"adapter_rank\": %d, \"seconds\": %.6f, \"cpu_seconds\": %.6f, \"tokens_per_s\": %.1f, \"tflop_per_s\": %.4f, \"gb_per_s\": %.2f, "
                    "\"share\": %.4f, \"peak_gib\": %.2f, \"metaapo\": \"%s\"}\n",
                    job.c_str(), o.shape.c_str(), config.layers, o.recompute, double(parameters(config)) / 1e6, o.dtype.c_str(), o.device.c_str(), info.isa,
                    me.size, o.shard.c_str(), info.threads, o.adapter_rank, seconds, time.cpu_seconds, tokens / seconds, tflops, gbs, peak > 0 ? (bytes > 0 ? gbs : tflops) / peak : 0, peak_gib(), apo_version());
        std::fflush(stdout);
    }

    double padded_tokens() const { return 2.0 * me.size * o.prompts * (o.prompt_len + o.response_len); }

    void score() {
        std::vector<double> sums(size_t(batch.view.answers));
        apo_scorer* scorer = nullptr;
        check(apo_scorer_create(model, adapter, batch.view.token_count, &scorer, &error));
        const Time time = median_time(o.reps, [&] { check(apo_scorer_logprobs(scorer, &batch.view, nullptr, sums.data(), nullptr, &error)); });
        report("score", time, padded_tokens(), me.size * (forward_flops(config, o) + adapter_flops()), 0);
        check(apo_scorer_close(scorer, &error));
    }

    void dpo() {
        const int answers = 2 * o.prompts;
        const apo_trainer_options options{batch.view.token_count, o.recompute, APO_OPTIMIZER_F32, 0, 0, shard};
        apo_trainer* trainer = nullptr;
        check(apo_trainer_create(model, adapter, &options, &trainer, &error));
        std::vector<double> reference(static_cast<size_t>(answers)), sums(static_cast<size_t>(answers));
        check(apo_trainer_forward(trainer, &batch.view, nullptr, reference.data(), nullptr, &error));
        std::vector<int32_t> chosen, rejected;
        for (int p = 0; p < o.prompts; p++) chosen.push_back(2 * p), rejected.push_back(2 * p + 1);
        const apo_pairs pairs{o.prompts, answers, chosen.data(), rejected.data(), nullptr, nullptr, reference.data(), nullptr, nullptr, nullptr, nullptr};
        const apo_objective objective{APO_DPO, 0, 0.1, 0, 0, 0, 0, 1, 1, 0, 0};
        const apo_meta meta{APO_WEIGHT_CONSTANT, 0, 1, 0, nullptr, nullptr, 1, 1};
        apo_pair_results results{};
        int64_t step = 0;
        double norm = 0;
        const Time time = median_time(o.reps, [&] {
            check(apo_trainer_preference(trainer, &batch.view, &pairs, &objective, &meta, 1.0 / o.prompts / me.size, sums.data(), &results, nullptr, &error));
            const apo_adamw adamw{1e-6, 0.9, 0.95, 1e-8, 0.01, 1.0, ++step};
            check(apo_trainer_step(trainer, &adamw, &norm, &error));
        });
        report("dpo", time, padded_tokens(), me.size * ((o.adapter_rank > 0 ? 2 : 3) * forward_flops(config, o) + 3 * adapter_flops()), 0);
        check(apo_trainer_close(trainer, &error));
    }

    // Calls use with a function: seconds of answering `prompts` random prompts with k answers of `length` <= longest tokens each.
    template <class Use>
    void with_generator(int prompts, int k, int longest, Use use) {
        const int count = prompts * k;
        const apo_generator_options options{count, 0, int64_t(prompts) * (o.prompt_len + 64 + int64_t(k) * (longest + 64))};
        apo_generator* generator = nullptr;
        check(apo_generator_create(model, adapter, &options, &generator, &error));
        std::mt19937 random(0);
        const std::vector<int32_t> tokens = draw(random, prompts * o.prompt_len, config.vocab_size), lengths(static_cast<size_t>(prompts), o.prompt_len);
        std::vector<uint64_t> keys(static_cast<size_t>(prompts));
        for (size_t p = 0; p < keys.size(); p++) keys[p] = p;
        const apo_prompts view{prompts, 0, tokens.data(), lengths.data(), keys.data()};
        std::vector<int32_t> out_tokens(size_t(count) * size_t(longest)), out_lengths(static_cast<size_t>(count)), finish(static_cast<size_t>(count));
        std::vector<double> sums(static_cast<size_t>(count));
        apo_answers answers{out_tokens.data(), out_lengths.data(), finish.data(), sums.data(), nullptr};
        use([&](int length) {
            apo_sampling sampling{};
            sampling.k = k, sampling.max_new_tokens = length, sampling.top_p = 1, sampling.temperature = 1;
            return median_time(std::max(1, o.reps - 1), [&] { check(apo_generate(generator, &view, &sampling, &answers, nullptr, &error)); });
        });
        check(apo_generator_close(generator, &error));
    }

    void generate() {
        with_generator(o.prompts, o.k, o.new_tokens, [&](auto time_of) {
            report("generate", time_of(o.new_tokens), double(o.prompts) * o.k * o.new_tokens, 0, 0);
        });
    }

    void decode(int sequences) {
        const int few = std::max(1, o.new_tokens / 4), steps = o.new_tokens - few;
        if (sequences < 1 || steps < 1) {
            std::fprintf(stderr, "model_bench: --decode %s and --new-tokens %d; expected sequences of 1 or more, and 2 tokens or more\n", o.decode.c_str(), o.new_tokens);
            std::exit(2);
        }
        with_generator(sequences, 1, o.new_tokens, [&](auto time_of) {
            const Time all = time_of(o.new_tokens), first = time_of(few);
            const Time step{(all.seconds - first.seconds) / steps, (all.cpu_seconds - first.cpu_seconds) / steps};
            // Every weight but the embedding's rows, and the cache in the middle of the measured steps.
            const double weights = double(parameters(config) - (config.tied_head ? 0 : int64_t(config.vocab_size) * config.hidden_size));
            const double cache = sequences * (o.prompt_len + (few + o.new_tokens) / 2.0) * 2 * config.kv_heads * config.head_dim * config.layers;
            report("decode-" + std::to_string(sequences), step, sequences, 0, (weights + cache) * (dtype == APO_BF16 ? 2 : 4));
        });
    }

    Options o;
    apo_model_config config;
    int32_t dtype, shard = APO_SHARD_NONE;
    apo_ranks* group = nullptr;
    apo_ranks_info me{0, 1, 0, 1, {}};
    apo_device_info info{};
    apo_engine* engine = nullptr;
    apo_model* model = nullptr;
    std::vector<int32_t> ranks;
    std::vector<double> scales;
    apo_adapter_config adapter_config{};
    apo_adapter* adapter = nullptr;
    Batch batch;
};

Options parse(int argc, char** argv) {
    Options o;
    std::map<std::string, std::string*> texts{{"--jobs", &o.jobs}, {"--shape", &o.shape}, {"--dtype", &o.dtype}, {"--device", &o.device},
                                              {"--decode", &o.decode}, {"--shard", &o.shard}, {"--peak-tflops", &o.peak_tflops}, {"--peak-gbs", &o.peak_gbs}};
    std::map<std::string, int*> numbers{{"--prompts", &o.prompts}, {"--prompt-len", &o.prompt_len}, {"--response-len", &o.response_len},
                                        {"--k", &o.k}, {"--new-tokens", &o.new_tokens}, {"--reps", &o.reps}, {"--threads", &o.threads},
                                        {"--recompute", &o.recompute}, {"--layers", &o.layers}, {"--adapter-rank", &o.adapter_rank}};
    for (int i = 1; i < argc; i++) {
        std::string flag = argv[i];
        if (flag == "--no-share") {
            o.share = false;
        } else if (i + 1 < argc && texts.count(flag)) {
            *texts[flag] = argv[++i];
        } else if (i + 1 < argc && numbers.count(flag)) {
            *numbers[flag] = std::atoi(argv[++i]);
        } else {
            std::fprintf(stderr, "model_bench: unknown flag %s\n", flag.c_str());
            std::exit(2);
        }
    }
    return o;
}

}  // namespace

int main(int argc, char** argv) {
    Bench(parse(argc, argv)).run();
    return 0;
}
