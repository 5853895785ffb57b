// Which answers run, which wait, and the pages they hold: the bookkeeping of continuous batching, without the device.
//
// Places and pages go to groups of requests in turn: the next one to the group that has the fewest answers running, of equal ones to
// the oldest request; within a group in the order of submission. All answers to a prompt share the pages that it fills, and
// the rest of its last page is copied for each. A running answer has its pages reserved, so that it never waits in its middle.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "metaapo.h"
#include "page_pool.h"

namespace apo {

constexpr int64_t kPageSize = 16;  // tokens; a multiple of every vector width

inline int64_t pages_for(int64_t tokens) { return (tokens + kPageSize - 1) / kPageSize; }

struct GenerationRequest;

// A token of an answer, or of a prompt (answer -1).
struct GeneratedToken {
    int32_t answer, index, id, finish;  // an apo_finish
    float logp;
    int32_t tops;  // the most probable tokens in its place
    const int32_t* top_ids;
    const float* top_logps;
};

// Who gets the tokens of a request.
class TokenReceiver {
public:
    virtual ~TokenReceiver() = default;
    virtual void receive(const GenerationRequest& request, const GeneratedToken& token) = 0;
};

// A prompt with what was asked for. The arrays are its own.
struct GenerationRequest {
    int64_t id = 0;
    uint64_t key = 0, group = 0;
    std::vector<int32_t> tokens;
    apo_sampling sampling{};  // its stop_ids point to `stops`
    std::vector<int32_t> stops, bias_ids;
    std::vector<float> bias;
    bool prompt_logps = false;
    int32_t top = 0;
    TokenReceiver* receiver = nullptr;

    int32_t length() const { return int32_t(tokens.size()); }
    // Pages of an answer's own: the copied rest of the prompt's last page, and its tokens but the last, which is never read.
    int64_t answer_pages() const { return pages_for(int64_t(length()) + sampling.max_new_tokens - 1) - length() / kPageSize; }

    // The schedule's.
    int32_t unstarted = 0, unfinished = 0;  // answers that have had no place yet; that are not over
    std::vector<int32_t> pages;             // the prompt's, held while answers are unstarted
    std::set<int32_t> cancelled;            // answers, before the prompt has run
};

struct RunningAnswer {
    GenerationRequest* request;
    int32_t index;         // of the request's K
    int32_t count = 0;     // tokens so far; the last is not in the cache yet
    int32_t last = 0;
    bool over = false;
    int64_t reserved = 0;  // pages that it may still acquire
    std::vector<int32_t> pages;
};

struct PageCopy {
    int32_t from, to;
};

class AnswerSchedule {
public:
    // places: answers that run together.
    AnswerSchedule(int32_t places, int32_t pages) : places_(places), pool_(pages) {}

    void add(std::unique_ptr<GenerationRequest> request);
    bool is_idle() const { return requests_.empty(); }
    // Whether the next place that is free is for a prompt that has not run.
    bool wants_prompt();
    // Prompts to run together, as many as places, pages and `tokens` allow, and at least one answer of theirs fits behind them. They
    // have their pages; may be none.
    std::vector<GenerationRequest*> take_prompts(int64_t tokens);
    // An answer whose first token is there.
    void add_ready(RunningAnswer answer);
    // Gives places to ready answers; the copies are to be made before they run.
    std::vector<PageCopy> start();
    // Those that have a place, in an order that stays.
    std::vector<RunningAnswer>& running() { return running_; }
    // The page for the answer's next token.
    void extend(RunningAnswer& answer);
    // Takes the place and the pages of running answers that are over, and forgets requests without any left.
    void sweep();
    // Ends an answer of a request, or all of them (-1), at once. What is over already stays so.
    void cancel(int64_t id, int32_t answer);

    apo_generator_state state() const;

private:
    struct Group {
        std::deque<GenerationRequest*> waiting;  // whose prompt has not run
        std::deque<RunningAnswer> ready;         // first token sampled, waiting for a place
        int32_t running = 0, planned = 0;
        bool is_empty() const { return waiting.empty() && ready.empty() && running == 0; }
        int64_t oldest() const { return ready.empty() ? waiting.front()->id : ready.front().request->id; }
    };

    Group* next();
    int64_t free_pages() const { return pool_.available() - reserved_; }
    int32_t acquire(RunningAnswer& answer);
    void leave(RunningAnswer& answer);
    void leave_places();
    void started(GenerationRequest& request);
    void ended(GenerationRequest& request);

    int32_t places_;
    PagePool pool_;
    std::map<int64_t, std::unique_ptr<GenerationRequest>> requests_;
    std::map<uint64_t, Group> groups_;
    std::vector<RunningAnswer> running_;
    std::vector<GenerationRequest*> over_;  // to be forgotten
    int64_t reserved_ = 0;
};

}  // namespace apo
