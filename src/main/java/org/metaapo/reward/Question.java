package org.metaapo.reward;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.metaapo.data.Prompt;
import org.metaapo.files.Digests;
import org.metaapo.files.Json;
import org.metaapo.files.OneLine;
import org.metaapo.text.Answer;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;

/**
 * What a source is asked, with one number for its reply: the reward of an answer, or the verdict on two.
 *
 * @param key digest of the source's identity, the messages and the answers; equal questions have equal keys
 * @param prompt what was answered
 * @param answer the answer to be scored, or the one shown first
 * @param other the one shown second; null where one answer is scored
 */
record Question(String key, Prompt prompt, Answer answer, Answer other) {
    private static final int KEY_DIGITS = 32;
    private static final int SHOWN_CHARS = 40;

    /** What is the reward of an answer? */
    static Question reward(String identity, Prompt prompt, Answer answer) {
        return new Question(key(identity, prompt, answer, null), prompt, answer, null);
    }

    /** Is {@code first} better than {@code second}, in this order? */
    static Question verdict(String identity, Prompt prompt, Answer first, Answer second) {
        return new Question(key(identity, prompt, first, second), prompt, first, second);
    }

    private static String key(String identity, Prompt prompt, Answer answer, Answer other) {
        Conversation conversation = prompt.conversation();
        MessageDigest digest = Digests.sha256();
        // Without variables as it always was: scores that were paid for stay known.
        Map<String, Object> variables = conversation.variables();
        add(digest, variables.isEmpty() ? identity : identity + "\nchat_template_kwargs " + Json.write(variables));
        add(digest, Json.write(messages(prompt)));
        add(digest, Json.write(conversation.tools()));
        add(digest, Json.write(conversation.documents()));
        add(digest, text(answer));
        if (other != null) {
            add(digest, text(other));
        }
        return HexFormat.of().formatHex(digest.digest()).substring(0, KEY_DIGITS);
    }

    /** No text of the data has a NUL, so that none is taken for turns. */
    private static String text(Answer answer) {
        return answer.isText() ? answer.text() : "\0" + Json.write(answer.plain());
    }

    /** With its length in front, so that no two lists of texts run into the same bytes. */
    private static void add(MessageDigest digest, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        digest.update(ByteBuffer.allocate(4).putInt(bytes.length).flip());
        digest.update(bytes);
    }

    /** The turns as data files write them. */
    static List<?> messages(Prompt prompt) {
        return prompt.conversation().turns().stream().map(Message::fields).toList();
    }

    /** Characters that a request about it has at least. */
    long chars() {
        long turns = prompt.conversation().turns().stream().mapToLong(turn -> turn.shown().length()).sum();
        return turns + answer.shown().length() + (other == null ? 0 : other.shown().length());
    }

    /** The start of its prompt, on one line, for messages. */
    static String start(Prompt prompt) {
        return OneLine.of(prompt.shown(), SHOWN_CHARS);
    }
}
