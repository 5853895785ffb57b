package org.metaapo.reward;

import java.util.List;
import org.metaapo.text.Answer;

/** Plain answers of tests. */
final class Answers {
    private Answers() {}

    /** Those to several prompts. */
    static List<List<Answer>> of(List<List<String>> texts) {
        return texts.stream().map(list -> list.stream().map(Answer::of).toList()).toList();
    }

    /** Those to one prompt, for a call with it alone. */
    static List<List<Answer>> of(String... texts) {
        return of(List.of(List.of(texts)));
    }
}
