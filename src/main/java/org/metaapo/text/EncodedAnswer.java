package org.metaapo.text;

/**
 * An answer in its prompt, as the model sees them.
 *
 * @param promptIds token ids of the prompt, template and generation prompt included
 * @param answerIds token ids of the answer, with its end-of-turn token
 * @param text what was tokenized
 * @param trained for each token of the answer whether it is trained on; null for all
 * @param parted how many tokens at the prompt's end are others when prompt and answer are tokenized as one text; mostly 0. By
 *     {@link ChatOptions.Boundary} they stay, or are left out
 */
public record EncodedAnswer(int[] promptIds, int[] answerIds, String text, boolean[] trained, int parted) {}
