// The objectives, the meta-learner, and the fused preference loss.
#include <algorithm>

#include "meta_learner.h"
#include "op_case.h"
#include "preference_loss.h"

using namespace apo_test;

namespace {

apo_objective objective_of(int kind) { return {kind, 0, 0.4, 0.2, 0.1, 0.3, 0.2, 0.9, 1.3, 0.4, 0.05}; }

// A pair whose l(y_w), l(y_l), l(y_e) are sums[0..2].
apo::Pair pair_of(const std::vector<double>& sums, bool chosen, bool rejected, bool explored) {
    apo::Pair p{};
    p.chosen = {sums[0], -12.0, 6, chosen};
    p.rejected = {sums[1], -11.5, 9, rejected};
    p.explored = {sums[2], -10.5, 4, explored};
    p.win_chosen = 0.8, p.win_rejected = 0.25;
    return p;
}

// Rows and answers of a batch for a kind. Row 0 has an online pair and shares answers with rows 2 and 3; answer 8 is in no row.
struct Case {
    static constexpr int kAnswers = 9, kRows = 4, kInputs = 3, kHidden = 5, kLayers = 3;

    std::vector<int32_t> begin{0, 1, 5, 45, 46, 50, 53, 60, 61, 70};
    std::vector<int32_t> chosen{0, 2, 6, 7}, rejected{1, 3, 1, 0}, online_chosen{4, -1, 0, -1}, online_rejected{5, -1, 7, -1};
    std::vector<int32_t> explored, counts;
    std::vector<double> reference, parameters, features, wins, given;
    apo_objective objective;
    apo_meta meta;
    apo_pairs pairs;

    Case(int kind, int inputs, int layers) : objective(objective_of(kind)) {
        for (int i = 0; i < kAnswers; i++) {
            reference.push_back(-0.3 * i);
            counts.push_back(begin[size_t(i) + 1] - begin[size_t(i)]);
        }
        for (int i = 0; i < kRows * (inputs - 1); i++) features.push_back(0.2 * (i % 5) - 0.5);
        if (kind == APO_KTO) rejected[1] = chosen[3] = -1;  // the rows without an online pair
        if (kind == APO_SELM || kind == APO_XPO) explored = {0, 3, 5, -1};  // the chosen, the rejected, another, none
        if (kind == APO_SPPO) {
            wins = {0.8, 0.25, 1, 0, 0.5, 0.5, 0.6, 0.1};
            online_chosen.clear(), online_rejected.clear();
        }
        for (int i = 0; kind == APO_GIVEN && i < kRows * 6; i++) given.push_back(0.37 * (i % 8) - 1);
        auto maybe = [](const auto& v) { return v.empty() ? nullptr : v.data(); };
        meta = {APO_WEIGHT_LEARNED, kHidden, inputs, layers, nullptr, maybe(features), 0, 0.7};
        for (int64_t i = 0; i < apo::meta_parameter_count(meta); i++) parameters.push_back(0.1 * double(i % 7) - 0.3);
        meta.parameters = parameters.data();
        pairs = {kRows, kAnswers, chosen.data(), rejected.data(), maybe(online_chosen), maybe(online_rejected), reference.data(),
                 counts.data(), maybe(explored), maybe(wins), maybe(given)};
    }
    Case(const Case&) = delete;
};

}  // namespace

TEST(gradients_of_all_objectives) {
    for (int kind = APO_DPO; kind <= APO_XPO; kind++) {
        const apo_objective objective = objective_of(kind);
        const bool explores = kind == APO_SELM || kind == APO_XPO;
        // At the second point ADPO's pseudo-label turns the pair round, and the hinge is met at the third.
        for (std::vector<double> sums : {std::vector<double>{-12.3, -11.1, -10.2}, {-15.3, -10.1, -9.0}, {-8.3, -14.1, -9.0}}) {
            for (int unpaired = 0; unpaired < (kind == APO_KTO ? 3 : 1); unpaired++) {
                auto pair = [&] { return pair_of(sums, unpaired != 1, unpaired != 2, explores); };
                auto loss = [&] { return apo::objective_loss(objective, pair()).loss; };
                const apo::LossGradient g = apo::objective_loss(objective, pair());
                CHECK_CLOSE(g.d_chosen, slope(sums, 0, loss), 1e-6);
                CHECK_CLOSE(g.d_rejected, slope(sums, 1, loss), 1e-6);
                CHECK_CLOSE(g.d_explored, slope(sums, 2, loss), 1e-6);
                CHECK((g.d_explored != 0) == explores);
            }
        }
    }
}

TEST(gradients_of_the_meta_learner) {
    const int hidden = 3;
    const double features[] = {0.6, -1.2}, score = -0.8;
    for (int inputs : {1, 3}) {
        const size_t counts[] = {size_t(inputs + 1), size_t(hidden * (inputs + 2) + 1), size_t(hidden * (inputs + hidden + 3) + 1)};
        for (int layers : {1, 2, 3}) {
            std::vector<double> parameters, gradient(counts[layers - 1]);
            for (size_t i = 0; i < gradient.size(); i++) parameters.push_back(0.1 * double(i * 7 % 11) - 0.4);
            const apo_meta meta{APO_WEIGHT_LEARNED, hidden, inputs, layers, parameters.data(), features, 0, 1};
            CHECK(apo::meta_parameter_count(meta) == int64_t(gradient.size()));
            std::vector<double> room(size_t(2 * apo::meta_room(meta)));
            auto h = [&] { return apo::meta_learner(meta, score, features, room.data()); };
            apo::meta_learner_backward(meta, score, features, h(), 1.5, gradient.data(), room.data());
            for (size_t i = 0; i < gradient.size(); i++) CHECK_CLOSE(gradient[i], 1.5 * slope(parameters, i, h), 1e-8);
        }
    }
}

// All backends against the pure function.
TEST(preference_loss_of_a_batch) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        if (dtype != DType::f32) return;
        const int N = Case::kAnswers, B = Case::kRows;
        Numbers numbers(17);
        Array logp = numbers.array(DType::f32, 70);
        for (int turn = 0; turn < Case::kLayers * (APO_GIVEN + 1); turn++) {
            const int kind = turn / Case::kLayers;
            const Case c(kind, kind % 2 == 0 ? 1 : Case::kInputs, 1 + turn % Case::kLayers);
            std::vector<double> want_sums(N);
            for (size_t a = 0; a < want_sums.size(); a++) {
                for (int32_t r = c.begin[a]; r < c.begin[a + 1]; r++) want_sums[a] += logp[size_t(r)];
            }
            double want[8][B], want_dsums[N];
            apo::preference_rows(c.pairs, want_sums.data(), c.objective, c.meta, 0.25,
                                 {want[0], want[1], want[2], want[3], want[4], want[5], want[6], want[7], want_dsums});
            Ints answer_begin(c.begin);
            Plain<double> sums(N), dsums(N), by_row(8 * B);
            Plain<float> coef(70);
            double* rows = by_row.data();
            const apo_pair_results results{rows, rows + B, rows + 2 * B, rows + 3 * B, rows + 4 * B, rows + 5 * B, rows + 6 * B, rows + 7 * B, dsums.data()};
            ops.preference_loss(device, {N, answer_begin.data(), logp.floats(), &c.pairs, &c.objective, &c.meta, 0.25, sums.data(), results, coef.data()});
            for (size_t a = 0; a < N; a++) {
                CHECK_CLOSE(sums[a], want_sums[a], 1e-12);
                CHECK_CLOSE(dsums[a], want_dsums[a], 1e-11);
                for (int32_t r = c.begin[a]; r < c.begin[a + 1]; r++) CHECK(coef[size_t(r)] == float(dsums[a]));
            }
            CHECK(dsums[8] == 0);
            for (size_t i = 0; i < 8 * B; i++) {
                const double w = want[i / B][i % B];
                if (std::isnan(w)) {
                    CHECK(std::isnan(by_row[i]));
                } else {
                    CHECK_CLOSE(by_row[i], w, 1e-11 * std::max(1.0, std::fabs(w)));
                }
            }
        }
    });
}

// An answer in several roles gets the sum of their gradients; one that a row lacks gets none.
TEST(roles_of_one_answer_add_up) {
    std::vector<double> sums{-3.1, -7.4, -5.2, -9.0, -2.2, -4.8, -6.1, -8.3, -1.0};
    for (int kind = APO_DPO; kind < APO_GIVEN; kind++) {
        Case c(kind, 1, 2);
        c.meta.mode = APO_WEIGHT_CONSTANT, c.meta.constant = 0.3;  // a learned w would move with the sums
        double loss[Case::kRows], dsums[Case::kAnswers];
        apo_pair_results out{};
        out.loss = loss, out.dsums = dsums;
        auto total = [&] {
            apo::preference_rows(c.pairs, sums.data(), c.objective, c.meta, 0.25, out);
            double sum = 0;
            for (double l : loss) sum += 0.25 * l;
            return sum;
        };
        total();
        const std::vector<double> found(dsums, dsums + Case::kAnswers);
        for (size_t a = 0; a < sums.size(); a++) CHECK_CLOSE(found[a], slope(sums, a, total), 1e-6 * std::max(1.0, std::fabs(found[a])));
    }
}
