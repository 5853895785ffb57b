package org.metaapo.evaluate.judge;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.files.Digests;
import org.metaapo.files.Json;
import org.metaapo.text.Message;

/**
 * What a judge is asked: one call.
 *
 * @param messages the prompt, filled in
 * @param maxTokens that the reply may have
 * @param temperature of sampling
 * @param topLogProbs how many likeliest tokens of the reply's first place are wanted, with log-probs; 0 for none
 * @param labels first tokens that are the only ones of interest, where log-probs are wanted; empty otherwise
 * @param repeat counts how often this is asked, from 1 on: each time has a reply of its own
 */
public record JudgeRequest(List<Message> messages, int maxTokens, double temperature, int topLogProbs, List<String> labels, int repeat) {
    private static final int KEY_DIGITS = 32;
    /** UTF-8 bytes of a token, about. */
    static final int TOKEN_BYTES = 4;
    /** Tokens around a message. */
    private static final int FRAME_TOKENS = 5;

    /** What is asked for the first time. */
    public JudgeRequest(List<Message> messages, int maxTokens, double temperature, int topLogProbs, List<String> labels) {
        this(messages, maxTokens, temperature, topLogProbs, labels, 1);
    }

    /** The same once more. */
    public JudgeRequest repeated(int number) {
        return new JudgeRequest(messages, maxTokens, temperature, topLogProbs, labels, number);
    }

    /** Digest of all that decides the reply: who judges and how, the messages, which have both answers in their order, and which repeat it is after the first. */
    String key(JudgeSetup setup) {
        List<Object> whole = new ArrayList<>(Arrays.asList(
                setup.judge(), setup.setup(), messages.stream().map(Message::fields).toList(), maxTokens, temperature, topLogProbs));
        if (repeat > 1) {
            whole.add(repeat);
        }
        return Digests.sha256(Json.write(whole).getBytes(StandardCharsets.UTF_8)).substring(0, KEY_DIGITS);
    }

    /** About how many tokens the prompt has. */
    long promptTokens() {
        return messages.stream().mapToLong(turn -> FRAME_TOKENS + (turn.content().getBytes(StandardCharsets.UTF_8).length + TOKEN_BYTES - 1) / TOKEN_BYTES).sum();
    }
}
