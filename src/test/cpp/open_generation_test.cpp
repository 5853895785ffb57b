// Requests that come and go while others run: their answers are those of a closed call with them alone, pages come back, places are dealt
// fairly, and what is told beside the tokens is right.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "packs.h"
#include "test.h"
#include "tiny_model.h"

namespace {

using apo_test::Backend;
using apo_test::on_engines;
using apo_test::World;
using Ids = std::vector<int32_t>;

constexpr int32_t kWidth = 12;
const Ids kStops{2, 7, 11};

struct Asked {
    Ids prompt;
    uint64_t key = 0, group = 0, seed = 1;
    int32_t k = 1, greedy = 0, top_k = 0;
    double temperature = 1, top_p = 1;
    bool stops = true, prompt_logps = false;
    int32_t top = 0, width = kWidth;
    Ids bias_ids;
    std::vector<float> bias;

    apo_sampling sampling() const {
        return {k, width, greedy, top_k, top_p, temperature, seed, kStops.data(), stops ? int32_t(kStops.size()) : 0, 0};
    }
    apo_request request() const {
        return {prompt.data(), int32_t(prompt.size()), prompt_logps, key, group, sampling(), bias_ids.data(), bias.data(), int32_t(bias.size()), top};
    }
};

struct Token {
    int32_t id, finish;
    float logp;
    Ids top_ids;
    std::vector<float> top_logps;
    bool operator==(const Token& o) const {
        return id == o.id && finish == o.finish && std::memcmp(&logp, &o.logp, 4) == 0 && top_ids == o.top_ids && top_logps == o.top_logps;
    }
};
using Told = std::map<std::pair<int64_t, int32_t>, std::vector<Token>>;  // by request and answer

class Open {
public:
    Open(World& world, int32_t places, int64_t cache) : error(world.error) {
        const apo_generator_options options{places, 0, cache};
        CHECK(apo_generator_create(world.model, nullptr, &options, &handle, &error) == APO_OK);
    }
    ~Open() { CHECK(apo_generator_close(handle, &error) == APO_OK); }
    Open(const Open&) = delete;

    int64_t submit(const Asked& asked) {
        const apo_request request = asked.request();
        int64_t number = -1;
        CHECK(apo_generator_submit(handle, &request, &number, &error) == APO_OK);
        return number;
    }
    bool step() {
        int32_t busy = 0;
        CHECK(apo_generator_step(handle, &busy, &error) == APO_OK);
        take();
        return busy != 0;
    }
    void finish() {
        for (int steps = 0; step() && steps < 10000;) steps++;
        CHECK(state().requests == 0);
    }
    void take() {
        constexpr int32_t capacity = 5;
        std::vector<int64_t> requests(capacity);
        Ids answers(capacity), ids(capacity), ends(capacity), tops(capacity), top_ids(capacity * APO_MOST_TOP);
        std::vector<float> logps(capacity), top_logps(capacity * APO_MOST_TOP);
        apo_tokens tokens{capacity, 0, requests.data(), answers.data(), ids.data(), ends.data(), logps.data(), tops.data(), top_ids.data(), top_logps.data()};
        do {
            CHECK(apo_generator_poll(handle, &tokens, &error) == APO_OK);
            for (size_t i = 0; i < size_t(tokens.count); i++) {
                const auto id = top_ids.begin() + long(i) * APO_MOST_TOP;
                const auto logp = top_logps.begin() + long(i) * APO_MOST_TOP;
                told[{requests[i], answers[i]}].push_back({ids[i], ends[i], logps[i], {id, id + tops[i]}, {logp, logp + tops[i]}});
            }
        } while (tokens.count == capacity);
    }
    void cancel(int64_t number, int32_t answer = -1) { CHECK(apo_generator_cancel(handle, number, answer, &error) == APO_OK); }
    apo_generator_state state() {
        apo_generator_state s{};
        CHECK(apo_generator_state_of(handle, &s, &error) == APO_OK);
        return s;
    }
    // Whether nothing is left of what was submitted.
    bool is_empty() {
        const apo_generator_state s = state();
        return s.requests == 0 && s.running == 0 && s.waiting == 0 && s.pages_free == s.pages;
    }

    std::vector<Token>& of(int64_t request, int32_t answer) { return told[{request, answer}]; }

    apo_generator* handle = nullptr;
    Told told;
    apo_error& error;
};

// The answers of a closed call with one prompt alone.
std::vector<std::vector<Token>> closed(World& world, const Asked& asked) {
    Open generator(world, asked.k, 200);
    const auto length = int32_t(asked.prompt.size());
    const apo_prompts in{1, 0, asked.prompt.data(), &length, &asked.key};
    const apo_sampling sampling = asked.sampling();
    const size_t k = size_t(asked.k), width = size_t(asked.width);
    Ids tokens(k * width), lengths(k), finish(k);
    std::vector<double> sums(k);
    std::vector<float> logps(k * width);
    apo_answers out{tokens.data(), lengths.data(), finish.data(), sums.data(), logps.data()};
    CHECK(apo_generate(generator.handle, &in, &sampling, &out, nullptr, &world.error) == APO_OK);
    std::vector<std::vector<Token>> all(k);
    for (size_t a = 0; a < k; a++) {
        double sum = 0;
        for (size_t t = 0; t < size_t(lengths[a]); t++) {
            const bool last = t + 1 == size_t(lengths[a]);
            all[a].push_back({tokens[a * width + t], last ? finish[a] : int32_t(APO_GOES_ON), logps[a * width + t], {}, {}});
            sum += double(logps[a * width + t]);
        }
        CHECK(sum == sums[a]);
    }
    return all;
}

Asked asked(const Ids& prompt, uint64_t key, int32_t k = 1) {
    Asked a;
    a.prompt = prompt, a.key = key, a.group = key, a.k = k;
    return a;
}

std::vector<Asked> different() {
    std::vector<Asked> all{asked({3, 1, 4, 1, 5}, 1, 3), asked({9, 2}, 2), asked(Ids(16, 4), 3, 2), asked(Ids(33, 2), 4), asked({8}, 5, 5)};
    all[0].seed = 5;
    all[1].greedy = 1;
    all[2].temperature = 0.7, all[2].top_k = 6, all[2].top_p = 0.9, all[2].seed = 9;
    all[3].top_p = 0.5, all[3].seed = 77;
    all[4].stops = false, all[4].temperature = 2, all[4].width = 7;
    return all;
}

std::vector<double> score(World& world, const apo_test::Packs& packs) {
    apo_scorer* scorer = nullptr;
    CHECK(apo_scorer_create(world.model, nullptr, 100, &scorer, &world.error) == APO_OK);
    const apo_batch batch = packs.batch();
    std::vector<double> sums(size_t(batch.answers));
    CHECK(apo_scorer_logprobs(scorer, &batch, nullptr, sums.data(), nullptr, &world.error) == APO_OK);
    CHECK(apo_scorer_close(scorer, &world.error) == APO_OK);
    return sums;
}

}  // namespace

TEST(answers_of_requests_that_come_and_go_are_those_of_a_closed_call) {
    on_engines([](const Backend& backend) {
        World world(backend);
        const std::vector<Asked> all = different();
        for (int32_t places : {1, 3, 20}) {
            Open generator(world, places, 120);
            std::vector<int64_t> numbers;
            for (size_t i = 0; i < all.size(); i++) {
                numbers.push_back(generator.submit(all[i]));
                for (size_t steps = 0; steps < 2 * i; steps++) generator.step();
            }
            // A closed call beside them.
            const std::vector<std::vector<Token>> beside = [&] {
                const Ids prompt{5, 5, 6};
                const int32_t length = 3;
                const uint64_t key = 8;
                const apo_prompts in{1, 0, prompt.data(), &length, &key};
                const apo_sampling sampling = asked(prompt, 8, 2).sampling();
                Ids tokens(2 * kWidth), lengths(2), finish(2);
                std::vector<double> sums(2);
                apo_answers out{tokens.data(), lengths.data(), finish.data(), sums.data(), nullptr};
                CHECK(apo_generate(generator.handle, &in, &sampling, &out, nullptr, &world.error) == APO_OK);
                std::vector<std::vector<Token>> ids(2);
                for (size_t a = 0; a < 2; a++) {
                    for (int32_t t = 0; t < lengths[a]; t++) ids[a].push_back({tokens[a * kWidth + size_t(t)], 0, 0, {}, {}});
                }
                return ids;
            }();
            generator.finish();
            CHECK(generator.is_empty());
            const auto same_ids = [](const std::vector<Token>& x, const std::vector<Token>& y) {
                return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](const Token& a, const Token& b) { return a.id == b.id; });
            };
            const std::vector<std::vector<Token>> apart = closed(world, asked({5, 5, 6}, 8, 2));
            for (size_t a = 0; a < 2; a++) CHECK(same_ids(beside[a], apart[a]));
            for (size_t i = 0; i < all.size(); i++) {
                const std::vector<std::vector<Token>> alone = closed(world, all[i]);
                for (int32_t a = 0; a < all[i].k; a++) {
                    const std::vector<Token>& found = generator.of(numbers[i], a);
                    CHECK(same_ids(found, alone[size_t(a)]));
                    for (size_t t = 0; t < std::min(found.size(), alone[size_t(a)].size()); t++) {
                        CHECK(found[t].finish == alone[size_t(a)][t].finish);
                        CHECK_CLOSE(found[t].logp, alone[size_t(a)][t].logp, 1e-5);
                    }
                }
            }
        }
    });
}

TEST(what_is_cancelled_gives_its_pages_back_and_is_not_told) {
    on_engines([](const Backend& backend) {
        World world(backend);
        Open generator(world, 4, 200);
        Asked five = asked({8}, 5, 6), other = asked({3, 1, 4}, 6, 2), late = asked(Ids(20, 3), 7, 3);
        for (Asked* a : {&five, &other, &late}) a->stops = false;
        const std::vector<std::vector<Token>> alone = closed(world, other), alone_late = closed(world, late);
        const int64_t first = generator.submit(five), second = generator.submit(other), third = generator.submit(late);
        generator.cancel(third, 1);  // before its prompt has run
        for (int i = 0; i < 3; i++) generator.step();
        CHECK(generator.state().running == 4 && generator.state().pages_free < generator.state().pages);
        const size_t before = generator.of(first, 0).size();
        generator.cancel(first, 0);
        generator.cancel(first, 5);  // waits still
        generator.step();
        CHECK(generator.of(first, 0).size() == before);
        generator.cancel(first);
        generator.cancel(first);
        generator.cancel(1000);
        generator.finish();
        CHECK(generator.is_empty());
        CHECK(generator.of(second, 0).size() == alone[0].size() && generator.of(second, 1).back().id == alone[1].back().id);
        CHECK(generator.of(third, 1).empty() && generator.of(third, 2).back().id == alone_late[2].back().id);
        generator.cancel(generator.submit(late), 0);
        const int64_t gone = generator.submit(late);
        for (int32_t a : {0, 1, 2, 2}) generator.cancel(gone, a);
        CHECK(generator.state().requests == 1);
        generator.finish();
        CHECK(generator.is_empty());
        // Tokens that nobody has taken yet.
        generator.told.clear();
        const int64_t untaken = generator.submit(other);
        int32_t busy = 0;
        CHECK(apo_generator_step(generator.handle, &busy, &generator.error) == APO_OK);
        generator.cancel(untaken);
        generator.take();
        CHECK(generator.told.empty() && generator.is_empty());
    });
}

TEST(log_probs_of_prompts_and_of_the_most_probable_tokens_are_those_of_scoring) {
    on_engines([](const Backend& backend) {
        World world(backend);
        Open generator(world, 3, 300);
        std::vector<Asked> all = different();
        for (Asked& a : all) a.prompt_logps = true, a.top = 4;
        all[1].top = 20, all[3].top = 0;
        std::vector<int64_t> numbers;
        for (const Asked& a : all) numbers.push_back(generator.submit(a));
        generator.finish();
        for (size_t i = 0; i < all.size(); i++) {
            const std::vector<Token>& prompt = generator.of(numbers[i], -1);
            CHECK(prompt.size() + 1 == all[i].prompt.size());
            // As the answer to the prompt's first token.
            apo_test::Packs packs;
            if (!prompt.empty()) packs.add({all[i].prompt[0]}, {Ids(all[i].prompt.begin() + 1, all[i].prompt.end())});
            packs.add(all[i].prompt, {[&] {
                          Ids ids;
                          for (const Token& t : generator.of(numbers[i], 0)) ids.push_back(t.id);
                          return ids;
                      }()});
            const std::vector<double> scored = score(world, packs);
            const auto sum = [](const std::vector<Token>& tokens) {
                double s = 0;
                for (const Token& t : tokens) s += double(t.logp);
                return s;
            };
            if (!prompt.empty()) CHECK_CLOSE(scored[0], sum(prompt), 1e-3);
            CHECK_CLOSE(scored.back(), sum(generator.of(numbers[i], 0)), 1e-3);
            for (const auto& [place, tokens] : generator.told) {
                if (place.first != numbers[i]) continue;
                for (const Token& t : tokens) {
                    CHECK(t.top_ids.size() == size_t(all[i].top));
                    CHECK(std::is_sorted(t.top_logps.rbegin(), t.top_logps.rend()));
                    const auto at = std::find(t.top_ids.begin(), t.top_ids.end(), t.id);
                    if (at != t.top_ids.end()) CHECK(std::memcmp(&t.logp, &t.top_logps[size_t(at - t.top_ids.begin())], 4) == 0);
                    if (all[i].greedy && place.second >= 0) CHECK(t.top_ids[0] == t.id);
                }
            }
        }
    });
}

TEST(a_bias_moves_the_draw_and_not_the_log_prob) {
    on_engines([](const Backend& backend) {
        World world(backend);
        Open generator(world, 4, 300);
        Asked plain = asked({3, 1, 4}, 1), forced = plain, banned = plain, nothing = plain;
        for (Asked* a : {&plain, &forced, &banned, &nothing}) a->greedy = 1, a->stops = false, a->top = 20;
        forced.bias_ids = {13, 4}, forced.bias = {100, -1};
        nothing.bias_ids = {6}, nothing.bias = {0};
        const int64_t first = generator.submit(plain);
        generator.finish();
        const int32_t best = generator.of(first, 0)[0].id;
        banned.bias_ids = {best}, banned.bias = {-100};
        const int64_t a = generator.submit(forced), b = generator.submit(banned), c = generator.submit(nothing);
        generator.finish();
        for (const Token& t : generator.of(a, 0)) CHECK(t.id == 13);
        const Token &with = generator.of(a, 0)[0], &without = generator.of(first, 0)[0], &other = generator.of(b, 0)[0];
        CHECK(with.top_ids == without.top_ids);
        for (const Token& t : {with, other}) {
            const size_t at = size_t(std::find(without.top_ids.begin(), without.top_ids.end(), t.id) - without.top_ids.begin());
            if (at < without.top_ids.size()) CHECK_CLOSE(t.logp, without.top_logps[at], 1e-5);
        }
        CHECK(other.id == without.top_ids[1]);
        for (const Token& t : generator.of(b, 0)) CHECK(t.id != best);
        CHECK(generator.of(c, 0).size() == generator.of(first, 0).size());
        for (size_t t = 0; t < generator.of(c, 0).size(); t++) CHECK(generator.of(c, 0)[t].id == generator.of(first, 0)[t].id);
    });
}

TEST(a_group_with_many_answers_does_not_keep_others_waiting) {
    World world(apo_test::engine_backends().front());
    Open generator(world, 4, 400);
    Asked many = asked({8, 8}, 1, 30), few = asked({3, 1, 4}, 2);
    many.stops = few.stops = false;
    many.width = 10, few.width = 5;
    const int64_t crowd = generator.submit(many);
    for (int i = 0; i < 3; i++) generator.step();
    const int64_t single = generator.submit(few);
    // The first places that come free are the crowd's, ten tokens after its start; the next one is the other's.
    int steps = 0;
    while (generator.of(single, 0).empty() && steps < 100) generator.step(), steps++;
    CHECK(steps <= 10);
    int done = 0;
    for (int32_t a = 0; a < 30; a++) done += int(generator.of(crowd, a).size() == 10);
    CHECK(done == 4);
    generator.finish();
    CHECK(generator.is_empty() && generator.of(single, 0).size() == 5);
    // A long line of prompts lets answers that run go on.
    const int64_t running = generator.submit(few);
    generator.step();
    Asked one = asked(Ids(40, 3), 3);
    one.width = 1;
    for (int i = 0; i < 400; i++) generator.submit(one);
    for (steps = 0; generator.of(running, 0).size() < 5 && steps < 1000; steps++) generator.step();
    CHECK(steps <= 30);
    generator.finish();
    CHECK(generator.is_empty());
}

TEST(requests_out_of_range_are_refused_and_change_nothing) {
    World world(apo_test::engine_backends().front());
    Open generator(world, 2, 60);
    const auto refused = [&](const Asked& a, const char* words, int32_t bias_count = 0) {
        apo_request request = a.request();
        if (bias_count != 0) request.bias_count = bias_count;
        int64_t number = -1;
        CHECK(apo_generator_submit(generator.handle, &request, &number, &generator.error) == APO_E_ARGUMENT);
        CHECK(std::strstr(generator.error.message, words) != nullptr && number == -1);
    };
    const Asked good = asked({3, 1}, 1);
    Asked a = good;
    a.prompt.clear();
    refused(a, "length 0");
    a = good, a.prompt = {29};
    refused(a, "vocabulary has 29");
    a = good, a.width = 63;
    refused(a, "64 positions");
    a = good, a.k = 0;
    refused(a, "sampling.k");
    a = good, a.temperature = 0;
    refused(a, "temperature");
    a = good, a.top = 21;
    refused(a, "top is 21");
    a = good, a.bias_ids = {1, 1}, a.bias = {1, 2};
    refused(a, "two biases");
    a.bias_ids = {-1, 1};
    refused(a, "token -1");
    a.bias_ids = {2, 1}, a.bias = {1, NAN};
    refused(a, "expected a number");
    refused(good, "bias_count", -1);
    CHECK(generator.is_empty());
    generator.submit(good);
    generator.finish();
}

TEST(weights_that_are_not_numbers_end_their_answers) {
    World world(apo_test::engine_backends().front());
    const std::vector<float> huge(24 * 29, 3e38f);  // finite, unlike what comes of it
    int32_t tensors = 0;
    CHECK(apo_model_tensor_count(world.model, &tensors, &world.error) == APO_OK);
    CHECK(apo_model_write(world.model, tensors - 1, 0, 24 * 29, huge.data(), APO_F32, &world.error) == APO_OK);
    Open generator(world, 2, 60);
    const int64_t number = generator.submit(asked({3, 1}, 1, 2));
    generator.finish();
    CHECK(generator.is_empty());
    for (int32_t a : {0, 1}) {
        CHECK(generator.of(number, a).size() == 1 && generator.of(number, a).back().finish == APO_NOT_FINITE);
        CHECK(!std::isfinite(generator.of(number, a).back().logp));
    }
}
