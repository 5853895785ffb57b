package org.metaapo.evaluate;

import java.util.Map;

/**
 * What a judge replied.
 *
 * @param text of the reply
 * @param logProbs of the likeliest first tokens; empty where none were wanted
 * @param isCut whether the reply ended for want of tokens
 * @param promptTokens that were read; −1 where nobody says
 * @param replyTokens that were written; −1 where nobody says
 */
public record JudgeReply(String text, Map<String, Double> logProbs, boolean isCut, long promptTokens, long replyTokens) {}
