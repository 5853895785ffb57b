// Decoding over the paged cache: rows of shared and of own pages, against the formulas in f64.
#include "decode_step.h"
#include "formulas.h"
#include "op_case.h"

using namespace apo_test;
using apo::Segment;

namespace {

// Packs of a prompt and answers, of which each is a row of the step: its last token is the new one.
struct Decode {
    AttentionCase attention;
    int page_size;
    std::vector<int> queries;                       // token of each row's query
    std::vector<int32_t> pages, page_begin, lengths;
    std::vector<int> appended;                      // tokens, with their slots
    std::vector<int32_t> slots;
    int page_count = 0;

    // Appends a page with the tokens at `first` .. of a sequence.
    int new_page(const std::vector<int>& sequence, int first) {
        for (int i = 0; i < page_size && first + i < int(sequence.size()); i++) {
            appended.push_back(sequence[size_t(first + i)]);
            slots.push_back(page_count * page_size + i);
        }
        return page_count++;
    }

    void add_pack(int prompt, const std::vector<int>& answers) {
        const int begin = attention.segments.empty() ? 0 : attention.segments.back().end;
        std::vector<int> tokens;
        for (int t = 0; t < prompt; t++) tokens.push_back(begin + t);
        attention.segments.push_back({begin, begin + prompt, 0, 0, 0});
        std::vector<int32_t> shared;
        for (int first = 0; first + page_size <= prompt; first += page_size) shared.push_back(new_page(tokens, first));
        for (int answer : answers) {
            // Every fourth answers the prompt without its last whole page and what follows.
            const bool shorter = shared.size() > 1 && queries.size() % 4 == 3;
            const size_t kept = shorter ? shared.size() - 1 : shared.size();
            const int seen = shorter ? int(kept) * page_size : prompt, answer_begin = attention.segments.back().end;
            if (answer > 0) attention.segments.push_back({answer_begin, answer_begin + answer, begin, begin + seen, seen});
            std::vector<int> sequence(tokens.begin(), tokens.begin() + seen);
            for (int t = 0; t < answer; t++) sequence.push_back(answer_begin + t);
            page_begin.push_back(int32_t(pages.size()));
            lengths.push_back(int32_t(sequence.size()));
            queries.push_back(sequence.back());
            pages.insert(pages.end(), shared.begin(), shared.begin() + ptrdiff_t(kept));
            for (int first = int(kept) * page_size; first < int(sequence.size()); first += page_size) pages.push_back(new_page(sequence, first));
        }
    }
};

Array rows_of(const Array& qkv, DType dtype, int width, const std::vector<int>& tokens) {
    Array rows(dtype, tokens.size() * size_t(width));
    for (size_t r = 0; r < tokens.size(); r++) {
        for (int j = 0; j < width; j++) rows.set(r * size_t(width) + size_t(j), float(qkv[size_t(tokens[r] * width + j)]));
    }
    return rows;
}

// Ten answers to a prompt, more than meet a page together, one of which splits over several blocks; a prompt whose pages
// are all shared, with a row that has no more than them; a row of one token.
void check(int H, int G, int D, int window, int page_size) {
    on_threads({3}, [&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        Decode c{{H, G, D, window, {}}, page_size, {}, {}, {}, {}, {}, {}};
        c.add_pack(3 * page_size + 5, {1, 9, 11, 12, 230, 2, 3, 4, 40, 6});
        c.add_pack(5 * page_size, {0, 1, 20});
        c.add_pack(1, {0});
        const int T = c.attention.tokens(), W = c.attention.width(), B = int(c.lengths.size()), O = H * D;
        Numbers numbers(31);
        Array qkv = numbers.array(dtype, size_t(T * W)), cache(dtype, size_t(c.page_count * 2 * G * page_size * D));
        const std::vector<double> expected = naive_attention(c.attention, values(qkv), {}, c.queries).out;
        Array appended = rows_of(qkv, dtype, W, c.appended), rows = rows_of(qkv, dtype, W, c.queries), out(dtype, size_t(B * O));
        // What no token has been written to may hold anything finite.
        cache.fill(30);
        Ints slots(c.slots), pages(c.pages), page_begin(c.page_begin), lengths(c.lengths);
        ops.kv_append(device, {int64_t(c.slots.size()), H, G, D, page_size, dtype, appended.data(), slots.data(), cache.data()});
        decode(ops, device, {B, H, G, D, page_size, dtype, window, rows.data(), cache.data(), pages.data(), page_begin.data(), lengths.data(),
                             nullptr, out.data()});
        for (int row = 0; row < B; row++) {
            for (int j = 0; j < O; j++) {
                CHECK_CLOSE(out[size_t(row * O + j)], expected[size_t(c.queries[size_t(row)] * O + j)], tolerance(dtype, 4));
            }
        }
    });
}

}  // namespace

TEST(decoding_of_heads_of_64) { check(4, 4, 64, 0, 16); }
TEST(decoding_of_heads_of_128_in_groups_of_4) { check(8, 2, 128, 0, 16); }
TEST(decoding_of_heads_of_128_in_a_group_of_7) { check(7, 1, 128, 0, 16); }
TEST(decoding_of_heads_of_64_in_a_group_of_20) { check(20, 1, 64, 0, 16); }
TEST(decoding_of_heads_of_64_with_a_window) { check(4, 1, 64, 100, 16); }
TEST(decoding_of_heads_of_80) { check(4, 2, 80, 0, 16); }
TEST(decoding_with_pages_of_24) { check(2, 1, 64, 30, 24); }
