package org.metaapo.text;

/**
 * An answer in its prompt, as the model sees them.
 *
 * @param promptIds token ids of the prompt, template and generation prompt included
 * @param answerIds token ids of the answer, with its end-of-turn token
 * @param text what was tokenized
 * @param trained for each token of the answer whether it is trained on; null for all
 */
public record EncodedAnswer(int[] promptIds, int[] answerIds, String text, boolean[] trained) {}
