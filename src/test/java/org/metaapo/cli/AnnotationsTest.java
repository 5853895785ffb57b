package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.metaapo.evaluate.GoldenNumbers;
import org.metaapo.files.Json;

/** Scores files of judgments on the command line; has AlpacaEval's golden annotations and calibration as files. */
abstract class AnnotationsTest extends CommandTest {
    static final JsonNode ALPACA = GoldenNumbers.read("alpaca_lc.json.gz");
    static final int ROWS = 805;

    static ArrayNode annotations(String set, String model) {
        ArrayNode rows = Json.mapper().createArrayNode();
        JsonNode golden = ALPACA.path("sets").path(set);
        for (int i = 0; i < golden.path("preference").size(); i++) {
            ObjectNode row = rows.addObject().put("instruction", "q" + i).put("output_1", "b".repeat(golden.path("len_baseline").get(i).asInt()))
                    .put("generator_1", "base").put("dataset", "d").put("output_2", "😀".repeat(golden.path("len_model").get(i).asInt()))
                    .put("generator_2", model).put("annotator", "judge");
            row.set("preference", golden.path("preference").get(i));
        }
        return rows;
    }

    String annotations(String name, ArrayNode rows, Consumer<ArrayNode> change) throws IOException {
        ArrayNode changed = rows.deepCopy();
        change.accept(changed);
        return write(name, Json.write(changed)).toString();
    }

    String reference(int size) throws IOException {
        ArrayNode rows = Json.mapper().createArrayNode();
        for (int i = 0; i < size; i++) {
            rows.addObject().put("instruction", "q" + i).put("output", "b").put("generator", "base").put("dataset", "d");
        }
        return write("reference-" + size + ".json", Json.write(rows)).toString();
    }

    String calibration(int size) throws IOException {
        JsonNode table = ALPACA.path("calibration");
        StringBuilder csv = new StringBuilder(",model,preference,index,std_delta_len,instruction_difficulty,not_gamed_baseline\n");
        for (String model : List.of("concise", "verbose")) {
            for (int i = 0; i < size; i++) {
                csv.append(i).append(',').append(model).append(',').append(table.path("preference_" + model).get(i).asDouble()).append(',').append(i).append(',')
                        .append(table.path("std_delta_len_" + model).get(i).asDouble()).append(',')
                        .append(table.path("instruction_difficulty").get(i).asDouble()).append(",False\n");
            }
        }
        return write("calibration-" + size + ".csv", csv.toString()).toString();
    }

    JsonNode metrics() {
        return Json.read(temp.resolve("out/metrics.json"));
    }

    void evaluate(String... arguments) {
        List<String> all = new ArrayList<>(List.of("evaluate"));
        all.addAll(Arrays.asList(arguments));
        all.addAll(List.of("--out", temp.resolve("out").toString()));
        assertThat(run(all.toArray(String[]::new))).as(err).isZero();
    }
}
