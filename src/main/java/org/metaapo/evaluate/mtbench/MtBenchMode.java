package org.metaapo.evaluate.mtbench;

/** How answers are judged. */
public enum MtBenchMode {
    /** Each alone, by a rating. */
    SINGLE("single-v1", "single-math-v1"),
    /** Two beside each other, in both orders. */
    PAIRWISE("pair-v2", "pair-math-v1");

    private final String prompt;
    private final String withReference;

    MtBenchMode(String prompt, String withReference) {
        this.prompt = prompt;
        this.withReference = withReference;
    }

    /** The name of a turn's prompt. */
    String prompt(int turn, boolean hasReference) {
        return (hasReference ? withReference : prompt) + (turn == 1 ? "" : "-multi-turn");
    }
}
