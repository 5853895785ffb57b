package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** What a run has cost so far; public fields for the checkpoint's JSON. */
public final class Totals {
    /** Prompts seen by the online decision. */
    public long promptsSeen;
    /** Prompts that the policy answered. */
    public long promptsSampled;
    /** Answers generated. */
    public long answersGenerated;
    /** Candidates that the source of rewards scored. */
    public long answersAnnotated;
    /** Candidates whose conversation was longer than the reward model reads; see {@code reward.overlong}. */
    public long answersOverlong;
    /** Rows of the data whose label was asked for, in recipe adpo. */
    public long labelsAsked;
    /** Scores wanted of a source that is called, found in its cache or not. */
    public long rewardLookups;
    /** Prompts with candidates whose best and worst answers were equal, and so gave no pair. */
    public long ties;
    /** Tokens forwarded and backwarded in training. */
    public long tokensTrained;
    /** Seconds of scoring. */
    public double secondsScoring;
    /** Seconds of sampling. */
    public double secondsSampling;
    /** Seconds of ranking. */
    public double secondsRanking;
    /** Seconds of training. */
    public double secondsTraining;

    Totals copy() {
        Totals copy = new Totals();
        copy.promptsSeen = promptsSeen;
        copy.promptsSampled = promptsSampled;
        copy.answersGenerated = answersGenerated;
        copy.answersAnnotated = answersAnnotated;
        copy.answersOverlong = answersOverlong;
        copy.labelsAsked = labelsAsked;
        copy.rewardLookups = rewardLookups;
        copy.ties = ties;
        copy.tokensTrained = tokensTrained;
        copy.secondsScoring = secondsScoring;
        copy.secondsSampling = secondsSampling;
        copy.secondsRanking = secondsRanking;
        copy.secondsTraining = secondsTraining;
        return copy;
    }

    void write(ObjectNode line) {
        line.put("prompts_seen", promptsSeen).put("prompts_sampled", promptsSampled);
        line.put("answers_generated", answersGenerated).put("answers_annotated", answersAnnotated).put("ties", ties);
        line.put("answers_overlong", answersOverlong);
        line.put("labels_asked", labelsAsked);
        line.put("tokens_trained", tokensTrained);
        line.put("seconds_scoring", secondsScoring).put("seconds_sampling", secondsSampling);
        line.put("seconds_ranking", secondsRanking).put("seconds_training", secondsTraining);
    }
}
