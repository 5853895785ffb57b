package org.metaapo.evaluate.style;

/**
 * Length and Markdown of an answer.
 *
 * @param tokens by the benchmark's tokenizer
 * @param counts of its Markdown
 */
public record AnswerStyle(int tokens, StyleCounts counts) {
    /** Tokens, headers, list items and bold texts. */
    public double[] values() {
        return new double[] {tokens, counts.header(), counts.list(), counts.bold()};
    }
}
