// Generation whose decoding steps the device records and replays: the answers are those of steps that are launched op by op, bit
// for bit, and replays really happen.
#include <algorithm>
#include <cstring>
#include <utility>

#include "emulated_gpu.h"
#include "test.h"
#include "tiny_adapter.h"

namespace {

using apo_test::Backend;
using apo_test::World;

// What an engine asked of `repeat`, and how often the work was called for it.
struct Repeats {
    const apo::OpTable* base = nullptr;
    int64_t times = 0, called = 0;
    int64_t replayed() const { return times - called; }
} repeats;

// The backend with a count of its repeats.
Backend counted(const Backend& backend, apo::OpTable& table) {
    repeats = {backend.ops, 0, 0};
    table = *backend.ops;
    table.repeat = [](apo::Device& device, apo::Recorder& recorder, const apo::Repeat& op) {
        repeats.times++;
        auto work = [](void* context) {
            repeats.called++;
            const auto& inner = *static_cast<const apo::Repeat*>(context);
            inner.work(inner.context);
        };
        repeats.base->repeat(device, recorder, {op.key, work, const_cast<apo::Repeat*>(&op)});
    };
    return {backend.name, &table, backend.open};
}

// The backend without recording.
Backend eager(const Backend& backend, apo::OpTable& table) {
    table = *backend.ops;
    table.repeat = [](apo::Device&, apo::Recorder&, const apo::Repeat& op) { op.work(op.context); };
    return {backend.name, &table, backend.open};
}

Backend cpu_backend() { return {"CPU", &apo::cpu_ops(), {APO_CPU, 0, 1, 0}}; }

constexpr int kWidth = 8;  // new tokens of an answer at most

struct Answers {
    std::vector<int32_t> tokens, lengths, finish;
    std::vector<double> sums;
    std::vector<float> logps;
    bool operator==(const Answers& o) const {
        auto same = [](const auto& a, const auto& b) { return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof a[0]) == 0; };
        return tokens == o.tokens && lengths == o.lengths && finish == o.finish && same(sums, o.sums) && same(logps, o.logps);
    }
};

class Generator {
public:
    Generator(World& world, int32_t sequences, int64_t cache, apo_adapter* adapter = nullptr) : error(world.error) {
        const apo_generator_options options{sequences, 0, cache};
        CHECK(apo_generator_create(world.model, adapter, &options, &handle_, &error) == APO_OK);
    }
    ~Generator() { CHECK(apo_generator_close(handle_, &error) == APO_OK); }
    Generator(const Generator&) = delete;

    // `stop`: a token in five ends an answer, or none.
    apo_status answer(const std::vector<std::vector<int32_t>>& prompts, apo_sampling sampling, bool stop, Answers& out) {
        std::vector<int32_t> tokens, lengths;
        std::vector<uint64_t> keys;
        for (const auto& p : prompts) {
            tokens.insert(tokens.end(), p.begin(), p.end());
            lengths.push_back(int32_t(p.size()));
            keys.push_back(10 + keys.size());
        }
        const std::vector<int32_t> stops{2, 7, 11, 17, 19, 23};
        const apo_prompts in{int32_t(prompts.size()), 0, tokens.data(), lengths.data(), keys.data()};
        sampling.stop_ids = stops.data(), sampling.stop_count = stop ? int32_t(stops.size()) : 0;
        const size_t count = prompts.size() * size_t(sampling.k);
        const size_t tokens_of_all = count * size_t(sampling.max_new_tokens);
        out = {std::vector<int32_t>(tokens_of_all, -1), std::vector<int32_t>(count), std::vector<int32_t>(count), std::vector<double>(count),
               std::vector<float>(tokens_of_all)};
        apo_answers answers{out.tokens.data(), out.lengths.data(), out.finish.data(), out.sums.data(), out.logps.data()};
        return apo_generate(handle_, &in, &sampling, &answers, nullptr, &error);
    }
    Answers answer(const std::vector<std::vector<int32_t>>& prompts, const apo_sampling& sampling, bool stop) {
        Answers out;
        CHECK(answer(prompts, sampling, stop, out) == APO_OK);
        return out;
    }

    std::string notice() {
        char line[256];
        CHECK(apo_generator_notice(handle_, line, sizeof line, &error) == APO_OK);
        return line;
    }

    apo_error& error;

private:
    apo_generator* handle_ = nullptr;
};

apo_sampling sampling(int32_t k, uint64_t seed, double temperature = 1, int32_t top_k = 0, double top_p = 1) {
    apo_sampling s{};
    s.k = k, s.seed = seed, s.temperature = temperature, s.top_k = top_k, s.top_p = top_p, s.max_new_tokens = kWidth;
    return s;
}

const std::vector<std::vector<int32_t>> kPrompts{{3, 1, 4, 1, 5}, {9, 2}, std::vector<int32_t>(16, 4)};

apo_model_config shallow() {
    apo_model_config c = apo_test::tiny();
    c.layers = 1;
    return c;
}

// Calls of one generator, which runs up to 4 answers at a time: answers of different lengths, more of them than places, other
// samplings, and a prompt for which the workspace has to grow.
std::vector<Answers> story(World& world, apo_adapter* adapter) {
    Generator generator(world, 4, 40, adapter);
    apo_sampling greedy = sampling(2, 0);
    greedy.greedy = 1;
    std::vector<Answers> all;
    generator.answer({kPrompts[1]}, sampling(3, 5), true);  // fewer answers than run together later
    all.push_back(generator.answer(kPrompts, sampling(3, 5), true));
    all.push_back(generator.answer(kPrompts, greedy, true));
    all.push_back(generator.answer(kPrompts, sampling(2, 9, 0.7, 5, 0.9), true));
    all.push_back(generator.answer({std::vector<int32_t>(44, 6)}, sampling(4, 5), true));
    all.push_back(generator.answer(kPrompts, sampling(3, 5), true));
    return all;
}

// `rank`: of an adapter, 0 for none.
std::vector<Answers> story(const Backend& backend, const apo_model_config& config, int32_t dtype, int32_t rank) {
    World world(backend, config, dtype);
    apo_adapter* adapter = rank > 0 ? apo_test::random_adapter(world.model, apo_test::adapter_tables(config.layers, rank, 0.5)) : nullptr;
    std::vector<Answers> all = story(world, adapter);
    CHECK(apo_adapter_close(adapter, &world.error) == APO_OK);
    return all;
}

}  // namespace

TEST(generation_by_replays_is_that_of_single_launches) {
    apo_model_config wide = shallow();  // heads for tensor cores
    wide.hidden_size = 64, wide.heads = 2, wide.kv_heads = 1, wide.head_dim = 64;
    struct Case {
        apo_model_config config;
        int32_t dtype, rank;
    };
    for (const Case& c : {Case{shallow(), APO_F32, 0}, Case{shallow(), APO_BF16, 0}, Case{wide, APO_BF16, 0}, Case{shallow(), APO_F32, 4},
                          Case{wide, APO_BF16, 16}}) {
        const Backend backend = apo_test::cuda_backend();
        apo::OpTable table;
        const std::vector<Answers> replayed = story(counted(backend, table), c.config, c.dtype, c.rank);
        CHECK(repeats.replayed() > repeats.times / 2);
        const std::vector<Answers> launched = story(eager(backend, table), c.config, c.dtype, c.rank);
        CHECK(replayed == launched);
        CHECK(replayed.front() == replayed.back());
        if (c.dtype != APO_F32) continue;
        const std::vector<Answers> cpu = story(cpu_backend(), c.config, c.dtype, c.rank);
        for (size_t i = 0; i < cpu.size(); i++) CHECK(cpu[i].tokens == replayed[i].tokens && cpu[i].finish == replayed[i].finish);
    }
}

// 29 answers on pages of 16 tokens: when they come to their third page, the index arrays need more room than the generator
// made, in the middle of the call.
TEST(index_arrays_that_move_are_recorded_again) {
    const std::vector<std::vector<int32_t>> prompt{std::vector<int32_t>(29, 3)};
    apo::OpTable table;
    Answers replayed;
    {
        World world(counted(apo_test::cuda_backend(), table), shallow());
        Generator generator(world, 30, 16);
        replayed = generator.answer(prompt, sampling(29, 1), false);
        CHECK(repeats.times == kWidth - 1);
        CHECK(repeats.called == 4);  // each time once as it is, and once to record it
        // The next call needs neither, and another memory's release both.
        generator.answer(prompt, sampling(29, 2), false);
        CHECK(repeats.called == 4);
        world.engine->ops.release(world.engine->device, world.engine->ops.allocate(world.engine->device, 1000));
        generator.answer(prompt, sampling(29, 3), false);
        CHECK(repeats.called == 6);
    }
    World world(eager(apo_test::cuda_backend(), table), shallow());
    Generator generator(world, 30, 16);
    CHECK(replayed == generator.answer(prompt, sampling(29, 1), false));
}

// The head takes 256 rows at once; for more of them it is not recorded.
TEST(more_answers_than_the_head_takes_are_replayed_too) {
    apo::OpTable table;
    apo_sampling four = sampling(258, 1);
    four.max_new_tokens = 4;
    auto answers = [&](const Backend& backend) {
        World world(backend, shallow());
        Generator generator(world, 258, 2000);
        return generator.answer({kPrompts[1]}, four, false);
    };
    const Answers replayed = answers(counted(apo_test::cuda_backend(), table));
    CHECK(repeats.times == 3 && repeats.called == 2);
    CHECK(replayed.tokens == answers(cpu_backend()).tokens);
}

TEST(generators_close_in_any_order_and_leave_no_graph) {
    const int64_t before = emulation::graph_counts().alive;
    World world(apo_test::cuda_backend(), shallow());
    auto first = std::make_unique<Generator>(world, 2, 60), second = std::make_unique<Generator>(world, 3, 60);
    const Answers expected = first->answer({kPrompts[0]}, sampling(2, 5), false);
    CHECK(second->answer({kPrompts[0]}, sampling(2, 5), false) == expected);
    first.reset();
    CHECK(second->answer({kPrompts[0]}, sampling(2, 5), false) == expected);
    second.reset();
    CHECK(emulation::graph_counts().alive == before);
}

TEST(a_refused_recording_leaves_generation_as_it_was) {
    if (apo_test::options().cuda_index >= 0) return;
    const apo_test::MachineGuard guard;
    const auto make = [](Generator& generator) { return generator.answer({kPrompts[0], kPrompts[1]}, sampling(2, 5), true); };
    apo::OpTable table;
    World world(counted(apo_test::cuda_backend(), table), shallow());
    const Answers expected = [&] {
        Generator generator(world, 4, 100);
        return make(generator);
    }();
    CHECK(repeats.replayed() > 0);
    auto& graphs = emulation::machine().graphs;
    const std::pair<cudaError_t*, const char*> refusals[] = {{&graphs.begin, "cudaStreamBeginCapture"},
                                                             {&graphs.captured, "cannot be recorded"},
                                                             {&graphs.instantiate, "cudaGraphInstantiate"},
                                                             {&graphs.launch, "cudaGraphLaunch"}};
    for (const auto& [refusal, call] : refusals) {
        const int64_t alive = emulation::graph_counts().alive;
        Generator generator(world, 4, 100);
        *refusal = cudaErrorMemoryAllocation;
        const int64_t replayed = repeats.replayed();
        CHECK(make(generator) == expected);
        emulation::machine() = guard.before;
        const std::string notice = generator.notice();
        CHECK(apo_test::has(notice, call) && apo_test::has(notice, "out of memory") && apo_test::has(notice, "slower"));
        CHECK(generator.notice().empty());
        CHECK(repeats.replayed() <= replayed);  // a refused graph has called its work twice
        CHECK(emulation::graph_counts().alive == alive);
        // Tried again after a while.
        const int64_t before = repeats.times;
        while (repeats.replayed() <= replayed && repeats.times < before + 200) CHECK(make(generator) == expected);
        CHECK(repeats.replayed() > replayed && repeats.times > before + 50);
        CHECK(generator.notice().empty());
    }
}

// A recorder that is refused again and again asks ever more seldom, and says it once.
TEST(a_recorder_waits_longer_after_each_failure) {
    if (apo_test::options().cuda_index >= 0) return;
    const apo_test::MachineGuard guard;
    apo::OpTable table;
    World world(counted(apo_test::cuda_backend(), table), shallow());
    Generator generator(world, 1, 100);
    emulation::machine().graphs.instantiate = cudaErrorMemoryAllocation;
    int said = 0;
    while (repeats.times < 600) {
        generator.answer({kPrompts[0]}, sampling(1, 5), false);
        said += !generator.notice().empty();
    }
    CHECK(said == 1);
    CHECK(repeats.called - repeats.times == 4);  // work that was called to be recorded: after 1, 64, 128 and 256 runs
}

// Answers end at different times: without rows that fill them up, each number of those that run would be recorded.
TEST(few_numbers_of_running_answers_are_recorded) {
    if (apo_test::options().cuda_index >= 0) return;
    const apo_test::Backend backend = apo_test::cuda_backend();
    apo::OpTable table, exact;
    const auto answers = [&](const Backend& b, int64_t& graphs) {
        World world(b, shallow());
        Generator generator(world, 40, 1500);
        const int64_t before = emulation::graph_counts().made;
        std::vector<Answers> all;
        for (uint64_t seed = 1; seed <= 4; seed++) all.push_back(generator.answer(kPrompts, sampling(13, seed), true));
        graphs = emulation::graph_counts().made - before;
        return all;
    };
    int64_t filled_up = 0, each = 0, none = 0;
    const std::vector<Answers> found = answers(counted(backend, table), filled_up);
    exact = *backend.ops;
    exact.repeat_rows = [](apo::Device&, int64_t rows) { return rows; };
    const std::vector<Answers> expected = answers({backend.name, &exact, backend.open}, each);
    CHECK(found == expected);
    CHECK(filled_up <= 12 && each > filled_up);
    const std::vector<Answers> cpu = answers(cpu_backend(), none);
    for (size_t i = 0; i < cpu.size(); i++) CHECK(cpu[i].tokens == found[i].tokens);
}

TEST(no_graph_takes_the_last_memory) {
    if (apo_test::options().cuda_index >= 0) return;
    const apo_test::MachineGuard guard;
    apo::OpTable table;
    World world(counted(apo_test::cuda_backend(), table), shallow());
    Generator generator(world, 2, 60);
    emulation::machine().memory = size_t(500) << 20;
    const Answers expected = generator.answer({kPrompts[0]}, sampling(2, 5), false);
    CHECK(repeats.times > 2 && repeats.replayed() == 0);
    CHECK(apo_test::has(generator.notice(), "512 MiB"));
    // Memory that is given back may be enough.
    emulation::machine() = guard.before;
    world.engine->ops.release(world.engine->device, world.engine->ops.allocate(world.engine->device, 1000));
    CHECK(generator.answer({kPrompts[0]}, sampling(2, 5), false) == expected);
    CHECK(repeats.replayed() > 0);
}

TEST(an_error_of_a_replay_is_reported_with_the_kernel_before_it) {
    if (apo_test::options().cuda_index >= 0) return;
    const apo_test::MachineGuard guard;
    World world(apo_test::cuda_backend(), shallow());
    Generator generator(world, 2, 60);
    Answers out;
    emulation::machine().graphs.launch = cudaErrorIllegalAddress;
    CHECK(generator.answer({kPrompts[0]}, sampling(2, 5), false, out) == APO_E_DEVICE);
    for (const char* words : {"illegal memory access", "cudaGraphLaunch", "after kernel (sample_kernel"}) CHECK(apo_test::has(generator.error.message, words));
}
