package org.metaapo.evaluate.mtbench;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.metaapo.error.DataException;
import org.metaapo.files.StrictText;

/**
 * Reference answers, which the judge sees of math, reasoning and coding.
 *
 * @param known turns by question
 * @param text of the file; empty without one
 */
public record MtBenchReferences(Map<Integer, List<String>> known, String text) {
    /** Where the official ones are. */
    public static final String OFFICIAL = "fastchat/llm_judge/data/mt_bench/reference_answer/gpt-4.jsonl of the repository lm-sys/FastChat";
    private static final Set<String> CATEGORIES = Set.of("math", "reasoning", "coding");

    /** @param file null for none */
    public static MtBenchReferences read(Path file) {
        Map<Integer, List<String>> known = new HashMap<>();
        if (file != null) {
            MtBenchAnswer.read(file).forEach(answer -> known.put(answer.question(), answer.turns()));
        }
        return new MtBenchReferences(known, file == null ? "" : StrictText.read(file));
    }

    /** Of each turn, from the file or else the question's own; empty where the category has none. A DataException where it should. */
    List<String> of(MtBenchQuestions.Question question) {
        if (!CATEGORIES.contains(question.category())) {
            return List.of();
        }
        List<String> reference = known.getOrDefault(question.id(), question.reference());
        if (reference.size() < question.turns().size()) {
            throw new DataException("question " + question.id() + " of category " + question.category() + " has no reference answer; expected --reference-answers with the path of "
                    + OFFICIAL);
        }
        return reference;
    }
}
