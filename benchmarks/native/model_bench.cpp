// Times the three hot jobs of preference optimisation on random weights through the C API, and prints a JSON line a job.
//
//   score     log-probs of P prompts with two answers each
//   dpo       fused forward, loss and backward of P pairs, clipping, AdamW
//   generate  K answers to each of P prompts
//
// tokens_per_s counts the tokens of the padded job, 2 P (prompt + response), as a trainer without shared prompts would
// have to run them, so that it compares with the same figure of benchmarks/peer/torch_peer.py.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "metaapo.h"

namespace {

struct Options {
    std::string jobs = "score,dpo,generate", shape = "30m", dtype = "f32", device = "cpu";
    int prompts = 4, prompt_len = 256, response_len = 256, k = 8, new_tokens = 64, reps = 3, threads = 0, recompute = 0;
    bool share = true;
};

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
    } else if (name == "0.5b") {
        set(151936, 896, 4864, 24, 14, 2, 32768);
        c.tied_head = c.qkv_bias = 1;
    } else if (name == "1.5b") {
        set(151936, 1536, 8960, 28, 12, 2, 32768);
        c.tied_head = c.qkv_bias = 1;
    } else if (name == "8b") {
        set(128256, 4096, 14336, 32, 32, 8, 8192);
    } else {
        std::fprintf(stderr, "model_bench: unknown shape %s; expected 30m, 0.5b, 1.5b or 8b\n", name.c_str());
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

struct Batch {
    std::vector<int32_t> tokens, prompt_lengths, answer_counts, answer_lengths;
    apo_batch view{};
};

Batch make_batch(const Options& o, int vocab) {
    std::mt19937 random(0);
    auto draw = [&](int n) {
        std::vector<int32_t> ids(n);
        for (auto& id : ids) id = 2 + int32_t(random() % uint32_t(vocab - 2));
        return ids;
    };
    Batch b;
    auto append = [&](const std::vector<int32_t>& ids) { b.tokens.insert(b.tokens.end(), ids.begin(), ids.end()); };
    for (int p = 0; p < o.prompts; p++) {
        auto prompt = draw(o.prompt_len);
        for (int answer = 0; answer < 2; answer++) {
            if (answer == 0 || !o.share) {
                append(prompt);
                b.prompt_lengths.push_back(o.prompt_len);
                b.answer_counts.push_back(o.share ? 2 : 1);
            }
            append(draw(o.response_len));
            b.answer_lengths.push_back(o.response_len);
        }
    }
    b.view = {int32_t(b.prompt_lengths.size()), int32_t(b.answer_lengths.size()), int64_t(b.tokens.size()),
              b.tokens.data(), b.prompt_lengths.data(), b.answer_counts.data(), b.answer_lengths.data()};
    return b;
}

double peak_gib() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return double(usage.ru_maxrss) / (1 << 20);
}

template <class F>
double median_seconds(int reps, F run) {
    run();
    std::vector<double> seconds;
    for (int i = 0; i < reps; i++) {
        auto start = std::chrono::steady_clock::now();
        run();
        seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(seconds.begin(), seconds.end());
    return seconds[seconds.size() / 2];
}

void report(const Options& o, const char* job, const apo_device_info& info, int64_t params, double seconds, int64_t tokens) {
    std::printf("{\"job\": \"%s\", \"shape\": \"%s\", \"params_m\": %.1f, \"dtype\": \"%s\", \"device\": \"%s\", \"isa\": \"%s\", "
                "\"threads\": %d, \"seconds\": %.4f, \"tokens_per_s\": %.1f, \"peak_gib\": %.2f, \"metaapo\": \"%s\"}\n",
                job, o.shape.c_str(), params / 1e6, o.dtype.c_str(), o.device.c_str(), info.isa, info.threads, seconds,
                tokens / seconds, peak_gib(), apo_version());
    std::fflush(stdout);
}

Options parse(int argc, char** argv) {
    Options o;
    std::map<std::string, std::string*> texts{{"--jobs", &o.jobs}, {"--shape", &o.shape}, {"--dtype", &o.dtype}, {"--device", &o.device}};
    std::map<std::string, int*> numbers{{"--prompts", &o.prompts}, {"--prompt-len", &o.prompt_len}, {"--response-len", &o.response_len},
                                        {"--k", &o.k}, {"--new-tokens", &o.new_tokens}, {"--reps", &o.reps}, {"--threads", &o.threads},
                                        {"--recompute", &o.recompute}};
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
    Options o = parse(argc, argv);
    auto wants = [&](const char* job) { return ("," + o.jobs + ",").find(std::string(",") + job + ",") != std::string::npos; };
    int32_t dtype = o.dtype == "bf16" ? APO_BF16 : APO_F32;
    apo_engine_options engine_options{o.device == "cpu" ? APO_CPU : APO_CUDA, 0, o.threads, 0};
    apo_engine* engine = nullptr;
    check(apo_engine_create(&engine_options, &engine, &error));
    apo_device_info info;
    check(apo_engine_info(engine, &info, &error));
    apo_model_config config = shape_of(o.shape);
    int64_t params = parameters(config);
    apo_model* model = nullptr;
    check(apo_model_create(engine, &config, dtype, &model, &error));
    check(apo_model_initialize(model, 0, 0.02, &error));
    Batch batch = make_batch(o, config.vocab_size);
    int64_t padded_tokens = 2LL * o.prompts * (o.prompt_len + o.response_len);
    int answers = 2 * o.prompts;
    std::vector<double> sums(answers);

    if (wants("score")) {
        apo_scorer* scorer = nullptr;
        check(apo_scorer_create(model, batch.view.token_count, &scorer, &error));
        double seconds = median_seconds(o.reps, [&] { check(apo_scorer_logprobs(scorer, &batch.view, nullptr, sums.data(), nullptr, &error)); });
        report(o, "score", info, params, seconds, padded_tokens);
        check(apo_scorer_close(scorer, &error));
    }
    if (wants("dpo")) {
        apo_trainer_options options{batch.view.token_count, o.recompute, 0};
        apo_trainer* trainer = nullptr;
        check(apo_trainer_create(model, &options, &trainer, &error));
        std::vector<double> reference(answers);
        check(apo_trainer_forward(trainer, &batch.view, nullptr, reference.data(), nullptr, &error));
        std::vector<int32_t> chosen(o.prompts), rejected(o.prompts);
        for (int p = 0; p < o.prompts; p++) chosen[p] = 2 * p, rejected[p] = 2 * p + 1;
        apo_pairs pairs{o.prompts, answers, chosen.data(), rejected.data(), nullptr, nullptr, reference.data(), nullptr};
        apo_objective objective{APO_DPO, 0, 0.1, 0, 0};
        apo_meta meta{APO_WEIGHT_CONSTANT, 0, nullptr, 1, 1};
        apo_pair_results results{};
        int64_t step = 0;
        double norm = 0;
        double seconds = median_seconds(o.reps, [&] {
            check(apo_trainer_preference(trainer, &batch.view, &pairs, &objective, &meta, 1.0 / o.prompts, sums.data(), &results, nullptr, &error));
            apo_adamw adamw{1e-6, 0.9, 0.95, 1e-8, 0.01, 1.0, ++step};
            check(apo_trainer_step(trainer, &adamw, &norm, &error));
        });
        report(o, "dpo", info, params, seconds, padded_tokens);
        check(apo_trainer_close(trainer, &error));
    }
    if (wants("generate")) {
        apo_generator_options options{o.prompts * o.k, 0, int64_t(o.prompts) * (o.prompt_len + 64 + o.k * (o.new_tokens + 64))};
        apo_generator* generator = nullptr;
        check(apo_generator_create(model, &options, &generator, &error));
        std::vector<int32_t> prompt_tokens, lengths(o.prompts, o.prompt_len);
        int64_t pack = batch.view.token_count / batch.view.packs;
        for (int p = 0; p < o.prompts; p++) {
            auto begin = batch.tokens.begin() + pack * p * (o.share ? 1 : 2);
            prompt_tokens.insert(prompt_tokens.end(), begin, begin + o.prompt_len);
        }
        std::vector<uint64_t> keys(o.prompts);
        for (int p = 0; p < o.prompts; p++) keys[p] = uint64_t(p);
        apo_prompts prompts{o.prompts, 0, prompt_tokens.data(), lengths.data(), keys.data()};
        apo_sampling sampling{};
        sampling.k = o.k, sampling.max_new_tokens = o.new_tokens, sampling.top_p = 1, sampling.temperature = 1;
        int count = o.prompts * o.k;
        std::vector<int32_t> tokens(size_t(count) * o.new_tokens), answer_lengths(count), finish(count);
        std::vector<double> answer_sums(count);
        apo_answers out{tokens.data(), answer_lengths.data(), finish.data(), answer_sums.data(), nullptr};
        double seconds = median_seconds(std::max(1, o.reps - 1), [&] { check(apo_generate(generator, &prompts, &sampling, &out, nullptr, &error)); });
        report(o, "generate", info, params, seconds, int64_t(count) * o.new_tokens);
        check(apo_generator_close(generator, &error));
    }
    check(apo_model_close(model, &error));
    check(apo_engine_close(engine, &error));
    return 0;
}
