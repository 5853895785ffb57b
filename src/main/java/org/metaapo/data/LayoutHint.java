package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What columns of another layout mean, and how to rename them: by the names that public data sets of this field use.
 *
 * @param nearest the layout that says the same
 * @param todo how to get there
 */
record LayoutHint(Schema nearest, String todo) {
    /** For {@code conversations} of {@code from} and {@code value}. */
    static final String SHAREGPT = "rename from to role (human is user, gpt is assistant) and value to content";

    /** For a column that is {@code {"role": …, "content": …}}. */
    static final String ONE_TURN = "make an answer that is one turn a list of this turn";

    private static final List<String> TALKS = List.of("conversations", "conversation", "dialogue", "dialog", "dialogs", "chat", "turns");
    private static final List<String> DIALOGUES =
            Stream.concat(Stream.of("messages"), TALKS.stream()).toList();
    private static final List<String> PROMPTS =
            List.of("prompt", "question", "query", "instruction", "input", "problem", "user", "post", "title");
    private static final List<String> ANSWERS = List.of(
            "completion", "response", "answer", "output", "solution", "reply", "target", "assistant", "summary", "generation");
    private static final List<String> SEVERAL = List.of("responses", "answers", "completions", "outputs", "generations", "candidates");
    private static final List<String> SCORES = List.of("scores", "rewards", "ratings", "score", "reward", "rating");
    private static final List<String> BETTER = List.of(
            "chosen", "chosen_response", "response_chosen", "better", "better_response", "preferred", "preferred_response", "preferred_output", "accepted",
            "winner_response", "positive", "pos", "good", "response_j", "y_w");
    private static final List<String> WORSE = List.of(
            "rejected", "rejected_response", "response_rejected", "worse", "worse_response", "dispreferred", "dispreferred_response", "non_preferred_output",
            "loser_response", "negative", "neg", "bad", "response_k", "y_l");
    private static final List<String> VERDICTS = List.of(
            "better_response_id", "safer_response_id", "preference", "preferred_id", "winner", "choice", "overall_preference", "label",
            "better_id", "preference_strength", "human_preference");

    /** What columns mean; null where that cannot be told. */
    static LayoutHint of(Collection<String> columns) {
        return of(columns, MissingNode.getInstance());
    }

    /** What a row's columns mean, by their names and by what they hold; null where that cannot be told. */
    static LayoutHint of(JsonNode row) {
        List<String> columns = new ArrayList<>();
        row.fieldNames().forEachRemaining(columns::add);
        return of(columns, row);
    }

    private static LayoutHint of(Collection<String> columns, JsonNode row) {
        String better = first(columns, BETTER);
        String worse = first(columns, WORSE);
        String talk = first(columns, better != null && worse != null ? DIALOGUES : TALKS);
        if (talk != null && better != null && worse != null) {
            return new LayoutHint(Schema.PAIR, renames(talk, "prompt", better, "chosen", worse, "rejected")
                    + single(row, better, worse) + "; where turns have from and value, " + SHAREGPT);
        }
        if (talk != null) {
            return new LayoutHint(Schema.MESSAGES, "rename " + talk + " to messages; where its turns have from and value, " + SHAREGPT);
        }
        String prompt = first(columns, PROMPTS);
        if (better != null && worse != null) {
            return new LayoutHint(Schema.PAIR, renames(whole(columns, row, prompt), "prompt", better, "chosen", worse, "rejected")
                    + single(row, better, worse));
        }
        List<String> numbered = numbered(columns);
        if (numbered.size() >= 2) {
            return numbered(columns, prompt, numbered);
        }
        String answer = first(columns, ANSWERS);
        if (prompt != null && answer != null && !answer.equals(prompt)) {
            return row.path(answer).path(0).isTextual()
                    ? ranked(row.path(answer), renames(whole(columns, row, prompt), "prompt"), answer)
                    : new LayoutHint(Schema.COMPLETION, renames(whole(columns, row, prompt), "prompt", answer, "completion"));
        }
        String several = first(columns, SEVERAL);
        String scores = first(columns, SCORES);
        if (prompt != null && several != null) {
            return scores == null
                    ? new LayoutHint(Schema.RESPONSES, renames(prompt, "prompt", several, "responses"))
                    : new LayoutHint(Schema.SCORED, renames(prompt, "prompt", several, "responses", scores, "scores"));
        }
        if (prompt != null) {
            return new LayoutHint(Schema.PROMPT, renames(prompt, "prompt"));
        }
        return columns.contains("text")
                ? new LayoutHint(Schema.COMPLETION, "part text into prompt and completion, or into messages: an answer is trained on, not a whole text")
                : null;
    }

    /** The column of the prompt with what belongs to it in others, or null. */
    private static String whole(Collection<String> columns, JsonNode row, String prompt) {
        if (prompt == null) {
            return null;
        }
        String input = prompt.equals("instruction") && columns.contains("input") ? ", with input after it" : "";
        String system = first(columns, List.of("system", "system_prompt"));
        String turns = row.path(prompt).path("messages").isArray() ? "the messages of " : "";
        return turns + prompt + input + (system == null ? "" : ", with " + system + " as a turn before it,");
    }

    /** Half a sentence for answers that are a turn and no list of turns, or nothing. */
    private static String single(JsonNode row, String better, String worse) {
        return row.path(better).isObject() || row.path(worse).isObject() ? "; " + ONE_TURN : "";
    }

    /** Several answers in one column, the better one first where they are two. */
    private static LayoutHint ranked(JsonNode answers, String renamed, String column) {
        String before = renamed.isEmpty() ? "" : renamed + "; ";
        return answers.size() == 2
                ? new LayoutHint(Schema.PAIR, before + "make the better text of " + column + " chosen and the worse one rejected (the first is the "
                        + "better one in LLaMA-Factory's rankings)")
                : new LayoutHint(Schema.RESPONSES, before + "rename " + column + " to responses, and give scores beside them to have pairs made");
    }

    private static LayoutHint numbered(Collection<String> columns, String prompt, List<String> numbered) {
        String verdict = first(columns, VERDICTS);
        String first = numbered.get(0);
        String second = numbered.get(1);
        String by = numbered.size() > 2
                ? "make the better one chosen and a worse one rejected of " + String.join(", ", numbered)
                : "make " + first + " chosen and " + second + " rejected where "
                        + (verdict == null ? "the first is better" : verdict + " says so") + ", and the other way round where not";
        String renamed = renames(prompt, "prompt");
        return new LayoutHint(Schema.PAIR, renamed.isEmpty() ? by : renamed + "; " + by);
    }

    /** Columns such as response_0 and response_1, response_a and response_b, answer1 and answer2. */
    private static List<String> numbered(Collection<String> columns) {
        List<String> found = new ArrayList<>();
        for (String stem : ANSWERS) {
            columns.stream().filter(column -> column.toLowerCase(Locale.ROOT).matches(stem + "_?([0-9]|[a-d])")).sorted().forEach(found::add);
            if (found.size() >= 2) {
                return found;
            }
            found.clear();
        }
        return found;
    }

    private static String first(Collection<String> columns, List<String> names) {
        return names.stream()
                .flatMap(name -> columns.stream().filter(column -> column.equalsIgnoreCase(name)))
                .findFirst()
                .orElse(null);
    }

    /** "rename a to b, c to d", of those that have another name; a missing one is to be added. */
    private static String renames(String... pairs) {
        List<String> renamed = new ArrayList<>();
        List<String> added = new ArrayList<>();
        for (int i = 0; i < pairs.length; i += 2) {
            if (pairs[i] == null) {
                added.add(pairs[i + 1]);
            } else if (!pairs[i].equals(pairs[i + 1])) {
                renamed.add(pairs[i] + " to " + pairs[i + 1]);
            }
        }
        return Arrays.asList(renamed.isEmpty() ? "" : "rename " + String.join(", ", renamed), added.isEmpty() ? "" : "add " + String.join(", ", added))
                .stream().filter(part -> !part.isEmpty()).collect(Collectors.joining("; "));
    }

    /** For a message: "the nearest in meaning is …: …". */
    String shown() {
        return "the nearest in meaning is " + nearest.columns() + (todo.isEmpty() ? "" : ": " + todo);
    }
}
