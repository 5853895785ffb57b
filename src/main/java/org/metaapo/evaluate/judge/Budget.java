package org.metaapo.evaluate.judge;

import java.util.Locale;

/**
 * What calls cost, by the user's prices, and the most that may be spent. A call is made when its prompt's tokens and the longest reply still fit. Tokens of a
 * prompt are estimated: at a byte each until the judge first tells them, then by the most that it has told for an estimate. What a call took then
 * counts as the judge tells it. Thread-safe.
 */
public final class Budget {
    private static final double MILLION = 1e6;

    private final double promptPrice;
    private final double replyPrice;
    private final double limit;
    /** Tokens told for an estimated one. */
    private double ratio = JudgeRequest.TOKEN_BYTES;
    private boolean isTold;
    private double spent;
    private double reserved;

    /**
     * A budget.
     *
     * @param promptPrice of a million tokens read
     * @param replyPrice of a million tokens written
     * @param limit infinite for none
     */
    public Budget(double promptPrice, double replyPrice, double limit) {
        this.promptPrice = promptPrice;
        this.replyPrice = replyPrice;
        this.limit = limit;
    }

    /** Nothing costs anything. */
    public static Budget free() {
        return new Budget(0, 0, Double.POSITIVE_INFINITY);
    }

    /** What a reply has cost; null without prices, or where nobody has counted its tokens. */
    public Double price(JudgeReply reply) {
        return isPriced() && reply.promptTokens() >= 0 && reply.replyTokens() >= 0 ? (Double) price(reply.promptTokens(), reply.replyTokens()) : null;
    }

    double price(long promptTokens, long replyTokens) {
        return (promptPrice * promptTokens + replyPrice * replyTokens) / MILLION;
    }

    private long tokens(JudgeRequest request) {
        return (long) Math.ceil(ratio * request.promptTokens());
    }

    /** Keeps back what a call may cost, and gives that; negative where it is no longer there. */
    synchronized double reserve(JudgeRequest request) {
        double most = price(tokens(request), request.maxTokens());
        if (spent + reserved + most > limit) {
            return -1;
        }
        reserved += most;
        return most;
    }

    /** A call has ended: with its reply, or without one (null), which may still have been paid for. */
    synchronized void settle(double kept, JudgeRequest request, JudgeReply reply) {
        reserved -= kept;
        spend(request, reply);
    }

    /** Counts a reply that was paid for earlier. */
    synchronized void spend(JudgeRequest request, JudgeReply reply) {
        if (reply != null && reply.promptTokens() > 0) {
            double told = (double) reply.promptTokens() / request.promptTokens();
            ratio = isTold ? Math.max(ratio, told) : told;
            isTold = true;
        }
        spent += reply == null ? price(tokens(request), 0)
                : price(reply.promptTokens() < 0 ? tokens(request) : reply.promptTokens(), reply.replyTokens() < 0 ? request.maxTokens() : reply.replyTokens());
    }

    synchronized double spent() {
        return spent;
    }

    double limit() {
        return limit;
    }

    boolean isPriced() {
        return promptPrice > 0 || replyPrice > 0;
    }

    static String shown(double amount) {
        return String.format(Locale.ROOT, amount < 1 ? "%.4f" : "%.2f", amount);
    }
}
