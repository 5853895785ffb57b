package org.metaapo.cli;

import org.metaapo.engine.Quantization;
import org.metaapo.error.UsageException;
import picocli.CommandLine.Option;

/** How the weights of a command's model are kept. */
final class QuantizeOption {
    @Option(names = "--quantize", paramLabel = "Q",
            description = "nf4 or int8: pack the model's linear maps, as model.quantize does in a run; none: as the files have them (default)")
    private String quantize;

    /** Null where nothing is asked for. */
    Quantization asked() {
        try {
            return quantize == null ? null : Quantization.fromName(quantize);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--quantize is " + quantize + "; expected none, nf4 or int8", e);
        }
    }
}
