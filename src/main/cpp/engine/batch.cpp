#include "batch.h"

#include "boundary.h"

namespace apo {

namespace {

void check_length(const char* what, int64_t index, int64_t length) {
    if (length < 1) fail(APO_E_ARGUMENT, "%s %lld has length %lld; expected 1 or more", what, (long long)index, (long long)length);
}

// Appends prompts and answers pack by pack.
class Builder {
public:
    Builder(const apo_batch& source, const Shape& shape) : source_(source), shape_(shape) {
        batch_.answer_begin.push_back(0);
        batch_.pack_answers.push_back(0);
        batch_.pack_tokens.push_back(0);
    }

    void add_pack(int32_t pack) {
        const int32_t prompt = source_.prompt_lengths[pack], answers = source_.answer_counts[pack];
        check_length("prompt", pack, prompt);
        if (answers < 1) fail(APO_E_ARGUMENT, "pack %d has %d answers; expected 1 or more", pack, answers);
        if (batch_.answers() + answers > source_.answers) {
            fail(APO_E_ARGUMENT, "answer_counts sum to more than answers, %d", source_.answers);
        }
        const int32_t begin = int32_t(batch_.tokens());
        append(prompt, 0);
        batch_.segments.push_back({begin, begin + prompt, 0, 0, 0});
        for (int32_t i = 0; i < answers; i++) add_answer(begin, prompt);
        batch_.pack_answers.push_back(int32_t(batch_.answers()));
        batch_.pack_tokens.push_back(int32_t(batch_.tokens()));
    }

    Batch finish() {
        if (batch_.answers() != source_.answers) {
            fail(APO_E_ARGUMENT, "answer_counts sum to %lld; expected answers, %d", (long long)batch_.answers(), source_.answers);
        }
        if (batch_.tokens() != source_.token_count) {
            fail(APO_E_ARGUMENT, "lengths sum to %lld; expected token_count, %lld", (long long)batch_.tokens(),
                 (long long)source_.token_count);
        }
        return std::move(batch_);
    }

private:
    void add_answer(int32_t prompt_begin, int32_t prompt) {
        const int64_t index = batch_.answers();
        const int32_t length = source_.answer_lengths[index];
        check_length("answer", index, length);
        if (int64_t(prompt) + length > shape_.config.max_positions) {
            fail(APO_E_ARGUMENT, "prompt and answer %lld have %lld tokens; the model has %d positions", (long long)index,
                 (long long)prompt + length, shape_.config.max_positions);
        }
        const int32_t begin = int32_t(batch_.tokens());
        append(length, prompt);
        batch_.segments.push_back({begin, begin + length, prompt_begin, prompt_begin + prompt, prompt});
        for (int32_t i = 0; i < length; i++) {
            batch_.rows.push_back(i == 0 ? prompt_begin + prompt - 1 : begin + i - 1);
            batch_.targets.push_back(batch_.ids[size_t(begin + i)]);
        }
        batch_.answer_begin.push_back(int32_t(batch_.rows.size()));
        batch_.answer_ends.push_back(last_read(prompt_begin, prompt, begin, length));
    }

    // Where a value head reads: as GenericForSequenceClassification of transformers.
    int32_t last_read(int32_t prompt_begin, int32_t prompt, int32_t begin, int32_t length) const {
        for (int32_t t = begin + length - 1; t >= begin; t--) {
            if (!shape_.is_padding(batch_.ids[size_t(t)])) return t;
        }
        for (int32_t t = prompt_begin + prompt - 1; t > prompt_begin; t--) {
            if (!shape_.is_padding(batch_.ids[size_t(t)])) return t;
        }
        return prompt_begin;
    }

    void append(int32_t count, int32_t first_position) {
        const int64_t begin = batch_.tokens();
        if (count > source_.token_count - begin) {
            fail(APO_E_ARGUMENT, "lengths sum to more than token_count, %lld", (long long)source_.token_count);
        }
        for (int32_t i = 0; i < count; i++) {
            const int32_t id = source_.tokens[begin + i];
            if (id < 0 || id >= shape_.V) {
                fail(APO_E_ARGUMENT, "token %lld is %d; the vocabulary has %lld", (long long)(begin + i), id, (long long)shape_.V);
            }
            batch_.ids.push_back(id);
            batch_.positions.push_back(first_position + i);
        }
    }

    const apo_batch& source_;
    const Shape& shape_;
    Batch batch_;
};

template <class T>
std::vector<T> part(const std::vector<T>& all, int64_t first, int64_t last, T shift) {
    std::vector<T> out(all.begin() + first, all.begin() + last);
    for (T& value : out) value -= shift;
    return out;
}

}  // namespace

Batch make_batch(const apo_batch& batch, const Shape& shape, int64_t max_tokens) {
    required(batch.tokens, "batch.tokens");
    required(batch.prompt_lengths, "batch.prompt_lengths");
    required(batch.answer_counts, "batch.answer_counts");
    required(batch.answer_lengths, "batch.answer_lengths");
    if (batch.packs < 1) fail(APO_E_ARGUMENT, "batch.packs is %d; expected 1 or more", batch.packs);
    if (batch.token_count < 1 || batch.token_count > INT32_MAX) {
        fail(APO_E_ARGUMENT, "batch.token_count is %lld; expected 1 to %d", (long long)batch.token_count, INT32_MAX);
    }
    Builder builder(batch, shape);
    for (int32_t pack = 0; pack < batch.packs; pack++) builder.add_pack(pack);
    Batch result = builder.finish();
    for (int64_t pack = 0; pack < result.packs(); pack++) {
        const int64_t tokens = result.pack_tokens[size_t(pack + 1)] - result.pack_tokens[size_t(pack)];
        if (tokens > max_tokens) {
            fail(APO_E_ARGUMENT, "pack %lld has %lld tokens; there is room for %lld", (long long)pack, (long long)tokens,
                 (long long)max_tokens);
        }
    }
    return result;
}

Batch Batch::slice(int64_t first, int64_t last) const {
    const int32_t token0 = pack_tokens[size_t(first)], token1 = pack_tokens[size_t(last)];
    const int32_t answer0 = pack_answers[size_t(first)], answer1 = pack_answers[size_t(last)];
    const int32_t row0 = answer_begin[size_t(answer0)], row1 = answer_begin[size_t(answer1)];
    Batch out;
    out.ids = part(ids, token0, token1, 0);
    out.positions = part(positions, token0, token1, 0);
    // A pack has one segment for its prompt and one for each answer.
    out.segments.assign(segments.begin() + first + answer0, segments.begin() + last + answer1);
    for (Segment& s : out.segments) {
        s.begin -= token0, s.end -= token0;
        if (s.prompt_end > s.prompt_begin) s.prompt_begin -= token0, s.prompt_end -= token0;
    }
    out.rows = part(rows, row0, row1, token0);
    out.targets = part(targets, row0, row1, 0);
    out.answer_begin = part(answer_begin, answer0, answer1 + 1, row0);
    out.answer_ends = part(answer_ends, answer0, answer1, token0);
    out.pack_answers = part(pack_answers, first, last + 1, answer0);
    out.pack_tokens = part(pack_tokens, first, last + 1, token0);
    return out;
}

int64_t Batch::fitting(int64_t first, int64_t max_tokens) const {
    int64_t last = first + 1;
    while (last < packs() && pack_tokens[size_t(last + 1)] - pack_tokens[size_t(first)] <= max_tokens) last++;
    return last;
}

}  // namespace apo
