package org.metaapo.train;

import java.util.Locale;
import org.metaapo.config.RunConfig;
import org.metaapo.data.Preparation;
import org.metaapo.engine.Head;
import org.metaapo.engine.Objective;
import org.metaapo.reward.RewardSource;
import org.metaapo.rollout.Decision;

/** What the recipes differ in: which prompts are sampled, how pairs are made, what the loss is. The loop is one, {@link Run}. */
enum Recipe {
    /** Supervised fine-tuning: the likelihood of the (chosen) answer. */
    SFT,
    /** A reward model: −log σ(score(chosen) − score(rejected)), the Bradley-Terry loss. */
    REWARD_MODEL,
    /** Offline preference optimisation with any objective. */
    DPO,
    /** Offline on the easier share of the pairs, easy ones first (arXiv 2502.09650). */
    SELECTIVE_DPO,
    /** Active DPO: labels only where the policy is unsure, its own elsewhere (arXiv 2402.09401). */
    ADPO,
    /** Two samples a prompt, the source of rewards decides (arXiv 2402.04792). */
    ONLINE_DPO,
    /** K samples a prompt, best against worst, slice by slice (arXiv 2312.11456). */
    ITERATIVE_DPO,
    /** Self-play: squared loss on win probabilities of K samples (arXiv 2405.00675). */
    SPPO,
    /** Self-exploring: the greedy answer joins the pair (arXiv 2405.19332). */
    SELM,
    /** Exploratory: a sample against the reference's sample (arXiv 2405.21046). */
    XPO,
    /** Meta-weighted adaptive preference optimisation (arXiv 2509.23371). */
    METAAPO;

    static Recipe of(RunConfig config) {
        return valueOf(config.text("recipe").toUpperCase(Locale.ROOT).replace('-', '_'));
    }

    Head head() {
        return this == REWARD_MODEL ? Head.VALUE : Head.LM;
    }

    /** Whether the loss is one of pairs. */
    boolean isPairwise() {
        return this != SFT;
    }

    /** Whether the loss is a preference objective of a policy. */
    boolean isPreference() {
        return this != SFT && this != REWARD_MODEL;
    }

    /** How new pairs are made; null where the row's own are all there are. */
    Rollout rollout(RunConfig config) {
        return switch (this) {
            case METAAPO -> {
                Decision.Kind kind = Decision.Kind.valueOf(config.text("rollout.decision").toUpperCase(Locale.ROOT));
                yield kind == Decision.Kind.NONE
                        ? null
                        : Rollout.besideOwnPair(new Decision(kind, config.real("rollout.threshold")), config.count("rollout.k"));
            }
            case ONLINE_DPO, ITERATIVE_DPO -> Rollout.policyAlone(config.count("rollout.k"), false);
            case SPPO -> Rollout.policyAlone(config.count("rollout.k"), true);
            case SELM -> Rollout.greedyAmongOwn();
            case XPO -> Rollout.policyAgainstReference();
            default -> null;
        };
    }

    /** The loss of a pair. DPO with β 1 on scores, without a reference, is the Bradley-Terry loss. */
    Objective objective(RunConfig config) {
        if (this == REWARD_MODEL) {
            return Objective.dpo(1);
        }
        Objective.Kind kind = switch (config.text("objective.name")) {
            case "ipo" -> Objective.Kind.IPO_MEAN;
            case "java" -> Objective.Kind.GIVEN;
            default -> Objective.Kind.valueOf(config.text("objective.name").toUpperCase(Locale.ROOT));
        };
        return new Objective(
                kind, config.real("objective.beta"), config.real("objective.gamma"), config.real("objective.label_smoothing"),
                config.real("objective.alpha"), config.real("objective.threshold"), config.real("objective.desirable"),
                config.real("objective.undesirable"), 0, config.real("objective.likelihood"));
    }

    /** What a row of the data must have. */
    Preparation.Need need(RunConfig config) {
        Rollout rollout = rollout(config);
        if (this == SFT) {
            return Preparation.Need.ANSWER;
        }
        if (rollout != null && !rollout.needsOwnPair()) {
            return Preparation.Need.PROMPT;
        }
        return rollout == null && this != REWARD_MODEL && config.text("objective.name").equals("kto")
                ? Preparation.Need.LABELLED
                : Preparation.Need.PAIR;
    }

    /** What becomes of online pairs in the training data; recipes that read prompts alone have no use for any answer. */
    Preparation.Online online(RunConfig config) {
        if (this == METAAPO) {
            return Preparation.Online.TAKE;
        }
        return need(config) == Preparation.Need.PROMPT ? Preparation.Online.LEAVE : Preparation.Online.REFUSE;
    }

    /** What a row of the held-out data must have: the pair or the answer that the loss is taken of. */
    Preparation.Need evaluationNeed(RunConfig config) {
        Preparation.Need need = need(config);
        return need == Preparation.Need.PROMPT ? Preparation.Need.PAIR : need;
    }

    /** Whether the reference is needed: by the loss; XPO's has one, and samples from it. */
    boolean needsReference(RunConfig config) {
        if (!isPreference()) {
            return false;
        }
        try (OwnObjective own = OwnObjective.of(config)) {
            return own == null ? objective(config).needsReference() : own.needsReference();
        }
    }

    /** Whether and how late the reference follows the policy: MetaAPO's comes a slice late, as the authors' script has it. */
    References.Update referenceUpdate(RunConfig config) {
        if (config.text("reference.update").equals("never")) {
            return References.Update.NEVER;
        }
        return this == METAAPO ? References.Update.SLICE_LATE : References.Update.SLICE;
    }

    /** Where the rewards of candidates come from; null where nothing is ranked. */
    RewardSource rewards(RunConfig config) {
        return rollout(config) == null ? null : RewardSource.of(config);
    }
}
