package org.metaapo.evaluate.mtbench;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.judge.Marks;
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

    /** Reads a file; a DataException names a prompt of the mode that is missing. */
    public static MtBenchPrompts read(Path file, MtBenchMode mode) {
        Map<String, Prompt> byName = new HashMap<>();
        for (JsonFields row : JsonFields.lines(file)) {
            byName.put(row.text("name"), new Prompt(row.isAbsent("system_prompt") ? "" : row.text("system_prompt"), row.text("prompt_template")));
        }
        for (int turn = 1; turn <= 2; turn++) {
            for (boolean hasReference : new boolean[] {false, true}) {
                String name = mode.prompt(turn, hasReference);
                if (!byName.containsKey(name)) {
                    throw new DataException(file + ": no prompt " + name + "; expected " + OFFICIAL);
                }
                Placeholders.require(byName.get(name).template(), places(mode, turn), file + ", " + name);
            }
        }
        return new MtBenchPrompts(byName, StrictText.read(file));
    }

    /** Lines that part what the judge is shown. */
    Marks marks() {
        return Marks.of(byName.values().stream().map(Prompt::template).toList());
    }

    /** What stands in the places of a question, its turns up to one, and their references. */
    static Map<String, String> values(MtBenchQuestions.Question question, int turns, List<String> reference) {
        Map<String, String> values = new HashMap<>();
        values.put("question", question.turns().get(0));
        for (int i = 0; i < turns; i++) {
            values.put("question_" + (i + 1), question.turns().get(i));
            if (!reference.isEmpty()) {
                values.put("ref_answer_" + (i + 1), reference.get(i));
            }
        }
        return values;
    }

    /** Adds an answer's turns. */
    static void put(Map<String, String> values, String place, MtBenchAnswer answer, int turns) {
        values.put(place, answer.turns().get(0));
        for (int i = 0; i < turns; i++) {
            values.put(place + "_" + (i + 1), answer.turns().get(i));
        }
    }

    /** Those of the answers: a question may stand beside each of two. */
    private static List<String> places(MtBenchMode mode, int turn) {
        if (mode == MtBenchMode.SINGLE) {
            return turn == 1 ? List.of("answer") : List.of("answer_1", "answer_2");
        }
        return turn == 1 ? List.of("answer_a", "answer_b") : List.of("answer_a_1", "answer_a_2", "answer_b_1", "answer_b_2");
    }
}
