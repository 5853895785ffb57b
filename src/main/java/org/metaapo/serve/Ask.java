package org.metaapo.serve;

import java.util.List;
import org.metaapo.engine.GenerationRequest;

/**
 * What a request asks for, checked and tokenized.
 *
 * @param requests one a prompt, each for n answers
 * @param texts of the prompts as they were given; null for one that was given as ids
 * @param n answers a prompt
 * @param stops texts that end an answer
 * @param echo the prompt is told in front of the answer
 * @param tops how many of the most probable tokens are told beside each; -1: no log-probs at all
 * @param writes tokens to be told of an answer; 0: the one that is drawn is for nobody
 * @param stream as events while they come
 * @param streamUsage with a last event that counts tokens
 */
record Ask(
        List<GenerationRequest> requests, List<String> texts, int n, List<String> stops, boolean echo, int tops, int writes, boolean stream,
        boolean streamUsage) {
    /** A prompt as tokens, and its text where it was given as one. */
    record Prompt(String text, int[] ids) {}

    boolean logprobs() {
        return tops >= 0;
    }

    int promptTokens() {
        return requests.stream().mapToInt(r -> r.prompt().length).sum();
    }

    int answers() {
        return requests.size() * n;
    }
}
