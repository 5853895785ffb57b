package org.metaapo.evaluate.alpaca;

import java.nio.file.Path;
import java.util.List;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.files.Json;

/**
 * An answer in AlpacaEval's {@code model_outputs.json}, a list of objects.
 *
 * @param dataset where the instruction is from; may be null
 * @param instruction what was asked
 * @param output the answer
 * @param generator the model's name
 * @param where its row, for messages
 */
public record ModelOutput(String dataset, String instruction, String output, String generator, String where) {
    /** The answers of one model, in the order of the file. */
    public static List<ModelOutput> read(Path file) {
        List<ModelOutput> outputs = JsonFields.list(file).stream()
                .map(row -> new ModelOutput(row.textOrNull("dataset"), row.text("instruction"), row.text("output"), row.text("generator"), row.where()))
                .toList();
        String generator = outputs.get(0).generator();
        outputs.stream().filter(output -> !output.generator().equals(generator)).findFirst().ifPresent(other -> {
            throw new DataException(other.where() + ": generator " + other.generator() + ", row 1 has " + generator + "; expected the answers of one model");
        });
        return outputs;
    }

    /** The text of such a file. */
    public static String text(List<ModelOutput> outputs) {
        return Json.writePretty(outputs.stream().map(one -> Json.mapper().createObjectNode().put("dataset", one.dataset())
                .put("instruction", one.instruction()).put("output", one.output()).put("generator", one.generator())).toList());
    }
}
