package org.metaapo.evaluate.judge;

/**
 * What became of a request.
 *
 * @param reply null where there is none
 * @param failure why; null where there is one
 */
public record Outcome(JudgeReply reply, String failure) {
    /** A reply. */
    static Outcome of(JudgeReply reply) {
        return new Outcome(reply, null);
    }

    /** With the time of the call. */
    Outcome took(double seconds) {
        return reply == null ? this : of(new JudgeReply(reply.text(), reply.logProbs(), reply.isCut(), reply.promptTokens(), reply.replyTokens(), seconds));
    }

    /** None. */
    static Outcome failed(String why) {
        return new Outcome(null, why);
    }
}
