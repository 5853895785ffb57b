package org.metaapo.train;

import java.util.Locale;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Head;
import org.metaapo.engine.Objective;
import org.metaapo.reward.RewardSource;

/** What the recipes differ in. */
enum Recipe {
    /** Supervised fine-tuning: the likelihood of the (chosen) answer. */
    SFT,
    /** A reward model: −log σ(score(chosen) − score(rejected)), the Bradley-Terry loss. */
    REWARD_MODEL,
    /** Offline preference optimisation. */
    DPO,
    /** Meta-weighted adaptive preference optimisation. */
    METAAPO;

    static Recipe of(RunConfig config) {
        return valueOf(config.text("recipe").toUpperCase(Locale.ROOT).replace('-', '_'));
    }

    Head head() {
        return this == REWARD_MODEL ? Head.VALUE : Head.LM;
    }

    /** Whether rows need both answers. */
    boolean isPairwise() {
        return this != SFT;
    }

    /** Whether the loss compares with a reference, or samples. */
    boolean isPreference() {
        return this == DPO || this == METAAPO;
    }

    /** The loss of a pair. DPO with β 1 on scores, without a reference, is the Bradley-Terry loss. */
    Objective objective(RunConfig config) {
        if (this == REWARD_MODEL) {
            return Objective.dpo(1);
        }
        String name = config.text("objective.name");
        Objective.Kind kind = name.equals("ipo") ? Objective.Kind.IPO_MEAN : Objective.Kind.valueOf(name.toUpperCase(Locale.ROOT));
        return Objective.of(
                kind, config.real("objective.beta"), config.real("objective.gamma"), config.real("objective.label_smoothing"));
    }

    boolean needsReference(Objective objective) {
        return isPreference() && objective.needsReference();
    }

    /** Where the rewards of sampled answers come from; null where nothing is sampled. */
    RewardSource rewards(RunConfig config) {
        return this == METAAPO && !config.text("rollout.decision").equals("none") ? RewardSource.of(config) : null;
    }
}
