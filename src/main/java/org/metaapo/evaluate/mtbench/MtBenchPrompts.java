package org.metaapo.evaluate.mtbench;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.judge.Placeholders;
import org.metaapo.files.StrictText;
import org.metaapo.text.Message;

/**
 * What MT-Bench's judge is told: one prompt for each turn, with a reference or without.
 *
 * @param byName prompts
 * @param text of the file
 */
public record MtBenchPrompts(Map<String, Prompt> byName, String text) {
    /** Where the official ones are. */
    public static final String OFFICIAL = "fastchat/llm_judge/data/judge_prompts.jsonl of the repository lm-sys/FastChat";

    /** One prompt. */
    public record Prompt(String system, String template) {
        /** The turns, with places filled. */
        public List<Message> fill(Map<String, String> values) {
            Message user = new Message("user", Placeholders.fill(template, values));
            return system.isEmpty() ? List.of(user) : List.of(new Message("system", system), user);
        }
    }

    /** Reads a file; a DataException names a prompt that is missing. */
    public static MtBenchPrompts read(Path file) {
        Map<String, Prompt> byName = new HashMap<>();
        for (JsonFields row : JsonFields.lines(file)) {
            byName.put(row.text("name"), new Prompt(row.isAbsent("system_prompt") ? "" : row.text("system_prompt"), row.text("prompt_template")));
        }
        for (int turn = 1; turn <= 2; turn++) {
            for (boolean hasReference : new boolean[] {false, true}) {
                String name = name(turn, hasReference);
                if (!byName.containsKey(name)) {
                    throw new DataException(file + ": no prompt " + name + "; expected " + OFFICIAL);
                }
                Placeholders.require(byName.get(name).template(), turn == 1 ? List.of("question", "answer") : List.of("question_1", "answer_1", "question_2", "answer_2"),
                        file + ", " + name);
            }
        }
        return new MtBenchPrompts(byName, StrictText.read(file));
    }

    /** The name of a turn's prompt. */
    public static String name(int turn, boolean hasReference) {
        return (hasReference ? "single-math-v1" : "single-v1") + (turn == 1 ? "" : "-multi-turn");
    }
}
