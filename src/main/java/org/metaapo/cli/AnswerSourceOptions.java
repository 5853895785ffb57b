package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Engine;
import org.metaapo.error.UsageException;
import org.metaapo.evaluate.judge.LocalModel;
import org.metaapo.text.ChatOptions;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Whose answers are judged. */
final class AnswerSourceOptions {
    @Option(names = "--answers", paramLabel = "FILE", arity = "1..*", description = "the benchmark's own files of answers, of any system; those of the baseline too where style is compared")
    private List<Path> answers = List.of();

    @Option(names = "--model", paramLabel = "DIR", description = "folder of the model that answers the questions")
    private Path model;

    @Mixin
    private AdapterOption adapter;

    @Mixin
    private QuantizeOption quantize;

    @Mixin
    private TemplateOptions template;

    @Option(names = "--name", paramLabel = "NAME", description = "the model's name in the benchmark's files (default: its folder's)")
    private String name;

    @Option(names = "--max-new-tokens", paramLabel = "N", description = "longest answer (default: 2048; of mt-bench 1024)")
    private Integer maxNewTokens;

    @Option(names = "--temperature", paramLabel = "X", description = "of answers; 0: the most probable token each time (default; of mt-bench by category)")
    private Double temperature;

    @Option(names = "--sequences", paramLabel = "N", description = "answers decoded at once (${DEFAULT-VALUE})", defaultValue = "64")
    private int sequences;

    @Option(names = "--max-instances", paramLabel = "N", description = "judge the first N questions alone; the score is marked partial")
    private Integer most;

    /** Files of answers. */
    List<Path> answers() {
        return answers;
    }

    /** Whether answers are given or made. */
    boolean isGiven() {
        return !answers.isEmpty() || model != null;
    }

    /** Whether a model is to answer. */
    boolean isModel() {
        return model != null;
    }

    /** Looks at the options. */
    void check() {
        if (!isGiven()) {
            throw new UsageException("no answers to be judged: expected --answers FILE or --model DIR");
        }
        if (model == null && (adapter.path() != null || name != null)) {
            throw new UsageException((name == null ? "--adapter" : "--name") + " without --model; expected the model's folder too");
        }
        if (sequences < 1 || maxNewTokens != null && maxNewTokens < 1 || temperature != null && !(temperature >= 0)) {
            throw new UsageException("--sequences and --max-new-tokens take 1 or more, --temperature 0 or more");
        }
    }

    /** The model's name. */
    String name() {
        Path folder = adapter.path() == null ? model : adapter.path();
        return name == null ? folder.toAbsolutePath().normalize().getFileName().toString() : name;
    }

    int maxNewTokens(int otherwise) {
        return maxNewTokens == null ? otherwise : maxNewTokens;
    }

    double temperature(double otherwise) {
        return temperature == null ? otherwise : temperature;
    }

    /** How the model runs. */
    LocalModel open(Engine engine, CommonOptions common) {
        return LocalModel.open(engine, common.dtype(), new LocalModel.Setup(name(), model, adapter.path(), quantize.asked(), template.over(ChatOptions.DEFAULT),
                template.variables(RunConfig.defaults(List.of())), common.seed(), sequences, Integer.MAX_VALUE, null, false));
    }

    /** How many questions are looked at. */
    int most() {
        if (most != null && most < 1) {
            throw new UsageException("--max-instances is " + most + "; expected 1 or more");
        }
        return most == null ? Integer.MAX_VALUE : most;
    }

    boolean isLimited() {
        return most != null;
    }
}
