package org.metaapo.reward;

import java.util.List;
import org.metaapo.text.Answer;
import org.metaapo.text.Message;

/** A user's class, which misbehaves if the prompt says so. */
public final class LengthReward implements RewardFunction {
    /** Whether the last one was closed. */
    static volatile boolean closed;

    /** As {@link RewardSource} makes it. */
    public LengthReward() {
        closed = false;
    }

    @Override
    public double[] score(List<Message> messages, List<Answer> answers) throws Exception {
        switch (messages.get(messages.size() - 1).content()) {
            case "throw" -> throw new IllegalStateException("no\nlicence");
            case "nan" -> {
                return new double[] {Double.NaN, 1};
            }
            case "short" -> {
                return new double[1];
            }
            case "null" -> {
                return null;
            }
            case "hang" -> Thread.sleep(60_000);
            default -> { }
        }
        return answers.stream().mapToDouble(answer -> answer.text().length()).toArray();
    }

    @Override
    public void close() {
        closed = true;
    }
}
