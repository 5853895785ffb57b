#include "answer_schedule.h"

#include <algorithm>
#include <utility>

namespace apo {

void AnswerSchedule::add(std::unique_ptr<GenerationRequest> request) {
    request->unstarted = request->unfinished = request->sampling.k;
    groups_[request->group].waiting.push_back(request.get());
    requests_[request->id] = std::move(request);
}

AnswerSchedule::Group* AnswerSchedule::next() {
    Group* best = nullptr;
    for (auto& [number, group] : groups_) {
        if (group.waiting.empty() && group.ready.empty()) continue;
        const auto rank = [](const Group& g) { return std::make_pair(int64_t(g.running) + g.planned, g.oldest()); };
        if (best == nullptr || rank(group) < rank(*best)) best = &group;
    }
    return best;
}

bool AnswerSchedule::wants_prompt() {
    if (int32_t(running_.size()) >= places_) return false;
    const Group* group = next();
    return group != nullptr && group->ready.empty();
}

std::vector<GenerationRequest*> AnswerSchedule::take_prompts(int64_t tokens) {
    std::vector<GenerationRequest*> taken;
    int64_t used = 0, planned = 0, largest = 0;
    // What is ready must be able to start when nothing runs any more, and so must an answer to each of these.
    for (const auto& [number, group] : groups_) {
        for (const RunningAnswer& a : group.ready) largest = std::max(largest, a.request->answer_pages());
    }
    while (int64_t(running_.size()) + planned < places_) {
        Group* const group = next();
        if (group == nullptr || !group->ready.empty()) break;
        GenerationRequest& r = *group->waiting.front();
        largest = std::max(largest, r.answer_pages());
        if (used + r.length() > tokens || pages_for(r.length()) + largest > free_pages()) break;
        for (int64_t i = 0; i < pages_for(r.length()); i++) r.pages.push_back(pool_.acquire());
        used += r.length();
        planned += r.unstarted;
        group->planned += r.unstarted;
        group->waiting.pop_front();
        taken.push_back(&r);
    }
    for (const GenerationRequest* r : taken) groups_[r->group].planned = 0;
    return taken;
}

void AnswerSchedule::add_ready(RunningAnswer answer) {
    GenerationRequest& r = *answer.request;
    if (answer.over) {
        started(r);
        ended(r);
    } else {
        groups_[r.group].ready.push_back(std::move(answer));
    }
}

std::vector<PageCopy> AnswerSchedule::start() {
    std::vector<PageCopy> copies;
    while (int32_t(running_.size()) < places_) {
        Group* const group = next();
        if (group == nullptr || group->ready.empty()) break;
        GenerationRequest& r = *group->ready.front().request;
        const int64_t needed = r.answer_pages();
        if (needed > free_pages()) break;
        RunningAnswer a = std::move(group->ready.front());
        group->ready.pop_front();
        group->running++;
        a.reserved = needed;
        reserved_ += needed;
        const size_t whole = size_t(r.length() / kPageSize);
        for (size_t i = 0; i < whole; i++) {
            pool_.hold(r.pages[i]);
            a.pages.push_back(r.pages[i]);
        }
        if (r.length() % kPageSize != 0) {
            const int32_t from = r.pages[whole];
            copies.push_back({from, acquire(a)});
        }
        started(r);
        running_.push_back(std::move(a));
    }
    return copies;
}

// After the last answer of a prompt has started, the prompt itself needs its pages no more: what is copied from them is copied before
// anything is written to them, in the order of the device's work.
void AnswerSchedule::started(GenerationRequest& r) {
    if (--r.unstarted > 0) return;
    for (int32_t page : r.pages) pool_.release(page);
    r.pages.clear();
}

int32_t AnswerSchedule::acquire(RunningAnswer& a) {
    const int32_t page = pool_.acquire();
    a.pages.push_back(page);
    a.reserved--;
    reserved_--;
    return page;
}

void AnswerSchedule::extend(RunningAnswer& a) {
    const int32_t position = a.request->length() + a.count - 1;
    if (position / kPageSize >= int64_t(a.pages.size())) acquire(a);
}

// Of a running answer.
void AnswerSchedule::leave(RunningAnswer& a) {
    for (int32_t page : a.pages) pool_.release(page);
    reserved_ -= a.reserved;
    groups_[a.request->group].running--;
    ended(*a.request);
}

void AnswerSchedule::ended(GenerationRequest& r) {
    if (--r.unfinished == 0) over_.push_back(&r);
}

void AnswerSchedule::leave_places() {
    for (RunningAnswer& a : running_) {
        if (a.over) leave(a);
    }
    running_.erase(std::remove_if(running_.begin(), running_.end(), [](const RunningAnswer& a) { return a.over; }), running_.end());
}

void AnswerSchedule::sweep() {
    leave_places();
    for (GenerationRequest* r : over_) {
        const auto group = groups_.find(r->group);
        if (group->second.is_empty()) groups_.erase(group);
        requests_.erase(r->id);
    }
    over_.clear();
}

void AnswerSchedule::cancel(int64_t id, int32_t answer) {
    const auto found = requests_.find(id);
    if (found == requests_.end()) return;
    GenerationRequest& r = *found->second;
    Group& group = groups_[r.group];
    const auto waiting = std::find(group.waiting.begin(), group.waiting.end(), &r);
    if (waiting != group.waiting.end()) {
        for (int32_t i = 0; i < r.sampling.k; i++) {
            if ((answer >= 0 && i != answer) || !r.cancelled.insert(i).second) continue;
            r.unstarted--;
            ended(r);
        }
        if (r.unfinished == 0) group.waiting.erase(waiting);
        return sweep();
    }
    const auto meant = [&](const RunningAnswer& a) { return a.request == &r && (answer < 0 || a.index == answer); };
    for (const RunningAnswer& a : group.ready) {
        if (!meant(a)) continue;
        started(r);
        ended(r);
    }
    group.ready.erase(std::remove_if(group.ready.begin(), group.ready.end(), meant), group.ready.end());
    for (RunningAnswer& a : running_) {
        if (meant(a)) a.over = true;
    }
    leave_places();
    // A prompt whose step has failed has answers nowhere.
    for (int32_t lost = answer < 0 ? r.unfinished : 0; lost > 0; lost--) {
        started(r);
        ended(r);
    }
    sweep();
}

apo_generator_state AnswerSchedule::state() const {
    apo_generator_state s{};
    s.requests = int32_t(requests_.size());
    s.running = int32_t(running_.size());
    for (const auto& [id, r] : requests_) s.waiting += r->unstarted;
    s.places = places_;
    s.pages = pool_.size();
    s.pages_free = pool_.available();
    s.page_tokens = int32_t(kPageSize);
    return s;
}

}  // namespace apo
