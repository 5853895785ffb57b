package org.metaapo.evaluate.arena;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.style.AnswerStyle;
import org.metaapo.evaluate.style.StyleCounts;
import org.metaapo.files.Json;

/** Length and Markdown of each model's answer to each question, from Arena-Hard's answer files. */
public final class ArenaStyles {
    private static final int LEVELS = 6;

    private final Map<String, Map<String, AnswerStyle>> byModel = new HashMap<>();

    /**
     * Reads files of answers, each of one model.
     *
     * @param tokens counts a text's tokens where a row does not say; null where nobody can
     * @throws DataException for two models in a file, a question twice, or an answer without a count of tokens
     */
    public static ArenaStyles read(List<Path> files, ToIntFunction<String> tokens) {
        ArenaStyles styles = new ArenaStyles();
        for (Path file : files) {
            List<ArenaAnswer> answers = ArenaAnswer.read(file);
            String model = answers.get(0).model();
            Map<String, AnswerStyle> found = new HashMap<>();
            if (styles.byModel.put(model, found) != null) {
                throw new DataException(file + ": answers of " + model + ", as a file before it has; expected each model once");
            }
            answers.forEach(answer -> found.put(answer.question(), style(answer, tokens)));
        }
        return styles;
    }

    /** Whether all answers of the files have their count of tokens. */
    public static boolean areCounted(List<Path> files) {
        return files.stream().flatMap(file -> ArenaAnswer.read(file).stream()).allMatch(answer ->
                answer.row().node().path(answer.row().isAbsent("metadata") ? "conv_metadata" : "metadata").path("token_len").isIntegralNumber());
    }

    private static AnswerStyle style(ArenaAnswer answer, ToIntFunction<String> tokens) {
        JsonFields row = answer.row();
        JsonNode metadata = row.node().path(row.isAbsent("metadata") ? "conv_metadata" : "metadata");
        String text = answer.text();
        boolean isCounted = metadata.path("token_len").isIntegralNumber();
        if (!isCounted && (text == null || tokens == null)) {
            throw new DataException(row.where() + ": no metadata.token_len; expected the count, or a --tokenizer to count with");
        }
        StyleCounts counts = metadata.has("header_count") ? stored(metadata, row.where()) : text == null ? null : StyleCounts.of(text);
        if (counts == null) {
            throw new DataException(row.where() + ": neither metadata.header_count nor an answer; expected one of them");
        }
        return new AnswerStyle(isCounted ? metadata.path("token_len").asInt() : tokens.applyAsInt(text), counts);
    }

    private static StyleCounts stored(JsonNode metadata, String where) {
        List<Integer> headers = new ArrayList<>();
        for (int level = 1; level <= LEVELS; level++) {
            headers.add(count(metadata.path("header_count"), "h" + level, where));
        }
        return new StyleCounts(headers, count(metadata.path("list_count"), "ordered", where), count(metadata.path("list_count"), "unordered", where),
                count(metadata.path("bold_count"), "**", where), count(metadata.path("bold_count"), "__", where));
    }

    private static int count(JsonNode counts, String name, String where) {
        JsonNode count = counts.path(name);
        if (!count.canConvertToInt() || !count.isIntegralNumber() || count.asInt() < 0) {
            throw new DataException(where + ": count " + name + " is " + Json.describe(count) + "; expected a whole number from 0 on");
        }
        return count.asInt();
    }

    /**
     * Of one answer.
     *
     * @throws DataException if there is none
     */
    public AnswerStyle of(String question, String model) {
        AnswerStyle style = byModel.getOrDefault(model, Map.of()).get(question);
        if (style == null) {
            throw new DataException(byModel.containsKey(model)
                    ? "--answers: the file of " + model + " has no answer to question " + question
                    : "--answers: no file of " + model + "; style control compares answers of every model and of the baseline");
        }
        return style;
    }
}
