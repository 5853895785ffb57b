package org.metaapo.evaluate;

import java.util.List;
import org.metaapo.text.Message;

/**
 * What a judge is asked: one call.
 *
 * @param messages the prompt, filled in
 * @param maxTokens that the reply may have
 * @param temperature of sampling
 * @param topLogProbs how many likeliest tokens of the reply's first place are wanted, with log-probs; 0 for none
 */
public record JudgeRequest(List<Message> messages, int maxTokens, double temperature, int topLogProbs) {}
