package org.metaapo.evaluate.page;

/**
 * What was judged of a model in one place of a benchmark.
 *
 * @param id of the question, with its turn and its opponent where there are several
 * @param question its part that names the question: what is judged of one question is not independent
 * @param category of the question; null for none
 * @param prompt the question, or all that the judge was told
 * @param answer the model's; null where the files do not have it apart
 * @param baseline the baseline's; null where there is none
 * @param score in percent, or a rating; null without one
 * @param verdict in a word
 * @param reasons the judge's reply, or why there is none
 * @param length code points of the answer; null where unknown
 * @param first score where the model's answer was shown first; null without
 * @param second where it was shown second
 * @param repeat of the judging that it is; 0 where there is one alone
 */
public record JudgedItem(
        String id, String question, String category, String prompt, String answer, String baseline, Double score, String verdict, String reasons, Integer length,
        Double first, Double second, int repeat) {
    JudgedItem(
            String id, String question, String category, String prompt, String answer, String baseline, Double score, String verdict, String reasons, Integer length,
            Double first, Double second) {
        this(id, question, category, prompt, answer, baseline, score, verdict, reasons, length, first, second, 0);
    }

    /** As one of several repeats; the answer is that of the first. */
    JudgedItem in(int number) {
        return new JudgedItem(id, question, category, prompt, number == 1 ? answer : null, baseline, score, verdict, reasons, length, first, second, number);
    }

    /** What is judged, and in which repeat. */
    String place() {
        return id + "\n" + repeat;
    }
}
