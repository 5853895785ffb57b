// metaapo.h: the preference loss and the meta-learner as pure functions.
#include <vector>

#include "boundary.h"
#include "loss_arguments.h"
#include "preference_loss.h"

using namespace apo;

apo_status apo_preference_loss(const apo_pairs* pairs, const double* sums, const apo_objective* objective,
                               const apo_meta* meta, double scale, apo_pair_results* results, apo_error* error) {
    return guarded(error, [&] {
        check_preference(pairs, required(pairs, "pairs").answers, objective, meta, false);
        required(sums, "sums");
        apo_pair_results out = required(results, "results");
        std::vector<double> dsums;
        if (out.dsums == nullptr) {
            dsums.resize(size_t(pairs->answers));
            out.dsums = dsums.data();
        }
        preference_rows(*pairs, sums, *objective, *meta, scale, out);
    });
}

apo_status apo_meta_weights(const apo_meta* meta, const double* scores, int64_t n, double* weights, apo_error* error) {
    return guarded(error, [&] {
        if (n < 0) fail(APO_E_ARGUMENT, "n is %lld; expected 0 or more", (long long)n);
        check_meta(meta, n);
        if (n == 0) return;
        required(scores, "scores");
        required(weights, "weights");
        std::vector<double> room(size_t(meta_room(*meta)));
        for (int64_t i = 0; i < n; i++) weights[i] = meta_weight(*meta, scores[i], row_features(*meta, i), room.data());
    });
}

apo_status apo_meta_gradient(const apo_meta* meta, const double* scores, const double* loss_offline,
                             const double* loss_online, int64_t n, double* loss, double* gradient, double* weight_mean,
                             apo_error* error) {
    return guarded(error, [&] {
        if (n < 1) fail(APO_E_ARGUMENT, "n is %lld; expected 1 or more", (long long)n);
        check_meta(meta, n);
        if (meta->mode != APO_WEIGHT_LEARNED) fail(APO_E_ARGUMENT, "meta.mode is %d; only a learned weight has a gradient", meta->mode);
        required(scores, "scores");
        required(loss_offline, "loss_offline");
        required(loss_online, "loss_online");
        required(loss, "loss");
        required(gradient, "gradient");
        for (int64_t i = 0; i < meta_parameter_count(*meta); i++) gradient[i] = 0;
        std::vector<double> room(size_t(2 * meta_room(*meta)));
        double total = 0, weights = 0;
        for (int64_t i = 0; i < n; i++) {
            const double* features = row_features(*meta, i);
            const double w = meta_learner(*meta, scores[i], features, room.data());
            total += w * loss_offline[i] + (1 - w) * loss_online[i];
            weights += w;
            meta_learner_backward(*meta, scores[i], features, w, (loss_offline[i] - loss_online[i]) / double(n), gradient,
                                  room.data());
        }
        *loss = total / double(n);
        if (weight_mean != nullptr) *weight_mean = weights / double(n);
    });
}
