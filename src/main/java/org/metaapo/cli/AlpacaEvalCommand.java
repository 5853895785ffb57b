package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.metaapo.evaluate.alpaca.AlpacaEvaluation;
import org.metaapo.evaluate.alpaca.Annotation;
import org.metaapo.evaluate.alpaca.Calibration;
import org.metaapo.evaluate.alpaca.ModelOutput;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo evaluate alpaca-eval}. */
@Command(
        name = "alpaca-eval",
        description = "AlpacaEval 2: win rates over a baseline, raw, discrete and length-controlled.",
        mixinStandardHelpOptions = true)
final class AlpacaEvalCommand implements Callable<Integer> {
    @Mixin
    private EvaluateOptions options;

    @Option(names = "--reference-outputs", paramLabel = "FILE",
            description = "the baseline's outputs in the official order: which instructions there are")
    private Path reference;

    @Option(names = "--calibration", paramLabel = "FILE", description = "df_gamed.csv, for the length-controlled win rate")
    private Path calibration;

    @Option(names = "--mode", defaultValue = "aligned",
            description = "difficulty by instruction (aligned) or, as the official program has it, by row number (compatible) (${DEFAULT-VALUE})")
    private AlpacaEvaluation.Mode mode;

    @Override
    public Integer call() {
        List<Path> files = options.annotations(reference, calibration);
        AlpacaEvaluation evaluation = new AlpacaEvaluation(
                reference == null ? null : ModelOutput.read(reference), calibration == null ? null : Calibration.read(calibration), mode,
                options.allowPartial());
        return options.show(evaluation.of(files.stream().map(Annotation::read).toList()));
    }
}
