package org.metaapo.evaluate;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Objects;
import org.metaapo.error.DataException;
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
