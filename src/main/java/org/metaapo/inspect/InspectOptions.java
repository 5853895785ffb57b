package org.metaapo.inspect;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.metaapo.data.RowFilter;
import org.metaapo.engine.Quantization;
import org.metaapo.error.UsageException;
import org.metaapo.files.Destination;
import org.metaapo.text.ChatOptions;
import org.metaapo.train.Trained;

/**
 * What to inspect.
 *
 * @param model folder of the model; its weights are read only for {@code stepZero}
 * @param adapter folder of an adapter over it; null for none
 * @param quantization packs its weights; null for them as the files have them
 * @param data files, patterns and folders of rows
 * @param seed of the choice among several worse answers
 * @param rows how many rows to show
 * @param maxLength tokens of prompt and answer
 * @param maxPromptLength tokens of a prompt
 * @param filter which good rows are left out, as training would
 * @param dropRepeatedPrompts leave out a row whose prompt an earlier row has
 * @param chat how conversations become tokens
 * @param variables of the chat template, which a row's own go before
 * @param tools JSON file handed to the template as {@code tools}; null for none
 * @param documents JSON file handed to the template as {@code documents}; null for none
 * @param stepZero rows to score with the model's weights; 0 for none
 * @param trained what the run of the configuration trains; null without one
 * @param lines where a JSON line for each answer goes; null for nowhere
 */
public record InspectOptions(
        Path model,
        Path adapter,
        Quantization quantization,
        List<Path> data,
        long seed,
        int rows,
        int maxLength,
        int maxPromptLength,
        RowFilter filter,
        boolean dropRepeatedPrompts,
        ChatOptions chat,
        Map<String, Object> variables,
        Path tools,
        Path documents,
        int stepZero,
        Trained trained,
        Destination lines) {
    /** Checks the numbers. */
    public InspectOptions {
        data = List.copyOf(data);
        if (rows < 0 || stepZero < 0) {
            throw new UsageException(
                    (rows < 0 ? "--rows is " + rows : "--step0 is " + stepZero) + "; expected 0 or more");
        }
    }
}
