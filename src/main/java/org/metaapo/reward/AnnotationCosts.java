package org.metaapo.reward;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * What a source that is called has cost. A local reward model costs no calls.
 *
 * @param calls requests sent, lines written to a command or calls of a class, the failed ones included
 * @param failures calls without a usable reply
 * @param promptTokens tokens read, as far as the endpoint tells them
 * @param completionTokens tokens written, as far as the endpoint tells them
 * @param scores scores or verdicts received
 * @param lookups scores or verdicts that were wanted since the source was opened, found in the cache or not
 */
public record AnnotationCosts(
        long calls, long failures, long promptTokens, long completionTokens, long scores, long lookups) {
    /** No calls. */
    public static final AnnotationCosts NONE = new AnnotationCosts(0, 0, 0, 0, 0, 0);

    AnnotationCosts plus(AnnotationCosts other) {
        return new AnnotationCosts(
                calls + other.calls, failures + other.failures, promptTokens + other.promptTokens,
                completionTokens + other.completionTokens, scores + other.scores, lookups + other.lookups);
    }

    /**
     * Adds {@code reward_calls}, {@code reward_failures}, {@code reward_prompt_tokens}, {@code reward_completion_tokens},
     * {@code reward_lookups} and {@code reward_cache_hits} to a line.
     *
     * @param wanted scores wanted in all, of which those not received came from the cache
     */
    public void write(ObjectNode line, long wanted) {
        line.put("reward_calls", calls).put("reward_failures", failures);
        line.put("reward_prompt_tokens", promptTokens).put("reward_completion_tokens", completionTokens);
        line.put("reward_lookups", wanted).put("reward_cache_hits", Math.max(0, wanted - scores));
    }

    /** A line for people. */
    public String shown() {
        String tokens = promptTokens + completionTokens == 0 ? "" : ", " + promptTokens + " tokens read and " + completionTokens + " written";
        return lookups + " scores wanted; paid so far: " + scores + " scores in " + calls + " calls, " + failures + " of them failed" + tokens;
    }
}
