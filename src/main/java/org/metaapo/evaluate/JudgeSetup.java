package org.metaapo.evaluate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.metaapo.config.Program;
import org.metaapo.error.DataException;
import org.metaapo.files.Digests;
import org.metaapo.files.Json;

/**
 * Who judged a row, and how: rows of two judges never enter one score.
 *
 * @param judge its name, as the benchmark's file has it
 * @param setup endpoint, hash of the prompt, sampling parameters and version of the program, in {@link #FIELD}; null in files of other programs
 */
public record JudgeSetup(String judge, JsonNode setup) {
    /** The field of a row that has the setup. */
    public static final String FIELD = "judge_setup";

    /** Of a row. */
    public static JudgeSetup of(JsonFields row, String judge) {
        return new JudgeSetup(judge, row.isAbsent(FIELD) ? null : row.node().get(FIELD));
    }

    /**
     * The same judge in a benchmark: with the version of the program.
     *
     * @param prompts text of all prompts, of which the hash is kept
     * @param sampling further fields: what each call asks for
     */
    public JudgeSetup in(String prompts, Map<String, ?> sampling) {
        ObjectNode whole = setup.deepCopy();
        whole.put("prompt_sha256", Digests.sha256(prompts.getBytes(StandardCharsets.UTF_8)));
        // In one order always: the text is part of the key of a reply.
        new TreeMap<>(sampling).forEach(whole::putPOJO);
        whole.put("version", Program.VERSION);
        // As it will be read again.
        return new JudgeSetup(judge, Json.parse(Json.write(whole), FIELD));
    }

    /**
     * Refuses another judge.
     *
     * @param where the other's row
     * @throws DataException if the two differ
     */
    public void same(JudgeSetup other, String where) {
        if (!Objects.equals(judge, other.judge)) {
            throw new DataException(where + ": judged by " + other.judge + ", rows before it by " + judge + "; expected one judge");
        }
        if (!Objects.equals(setup, other.setup)) {
            throw new DataException(where + ": " + FIELD + " differs from that of rows before it; expected one judge with one prompt and one sampling: "
                    + Json.write(other.setup) + ", before " + Json.write(setup));
        }
    }
}
