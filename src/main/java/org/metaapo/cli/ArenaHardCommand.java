package org.metaapo.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.metaapo.error.UsageException;
import org.metaapo.evaluate.arena.ArenaEvaluation;
import org.metaapo.evaluate.arena.ArenaJudgment;
import org.metaapo.evaluate.arena.ArenaOptions;
import org.metaapo.evaluate.arena.ArenaQuestions;
import org.metaapo.evaluate.arena.ArenaSolver;
import org.metaapo.evaluate.arena.ArenaStyles;
import org.metaapo.evaluate.arena.ArenaVersion;
import org.metaapo.evaluate.arena.Resamples;
import org.metaapo.evaluate.style.StyleFeature;
import org.metaapo.text.Tokenizer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo evaluate arena-hard}. */
@Command(
        name = "arena-hard",
        description = "Arena-Hard v2.0 and v0.1: scores against a baseline, with and without style control.",
        mixinStandardHelpOptions = true)
final class ArenaHardCommand implements Callable<Integer> {
    /** What is controlled for. */
    enum Feature {
        LENGTH,
        MARKDOWN
    }

    @Mixin
    private CommonOptions common;

    @Mixin
    private EvaluateOptions options;

    @Option(names = "--pool", paramLabel = "FILE", arity = "1..*",
            description = "judgments of a fixed pool: each model of --annotations is fitted with it alone (default: all models of --annotations together)")
    private List<Path> pool = List.of();

    @Option(names = "--answers", paramLabel = "FILE", arity = "1..*",
            description = "files of answers of all models and of the baseline, for style control")
    private List<Path> answers = List.of();

    @Option(names = "--tokenizer", paramLabel = "DIR", description = "folder of the tokenizer that counts tokens where the answers do not say")
    private Path tokenizer;

    @Option(names = "--questions", paramLabel = "FILE", description = "question.jsonl: which questions there are")
    private Path questions;

    @Option(names = "--features", paramLabel = "F", split = ",", arity = "1..*",
            description = "what style control takes out: length, markdown (default: both where --answers is given)")
    private List<Feature> features = List.of();

    @Option(names = "--category", paramLabel = "C", split = ",", description = "categories that are scored (default: all)")
    private List<String> categories = List.of();

    @Option(names = "--mode", defaultValue = "compatible",
            description = "style control's fit: 50 steps, as the official program (compatible), or to its optimum (exact) (${DEFAULT-VALUE})")
    private ArenaSolver mode;

    @Option(names = "--protocol", paramLabel = "V", defaultValue = "v2.0",
            description = "whose verdicts and scores: v2.0, or v0.1, where each game counts alone and ratings are Elo's (${DEFAULT-VALUE})")
    private ArenaVersion version;

    @Option(names = "--baseline", paramLabel = "M", defaultValue = "gpt-4-0314",
            description = "the baseline's name in judgments that do not have it, as those of v0.1 (${DEFAULT-VALUE})")
    private String baseline;

    @Override
    public Integer call() {
        if (answers.isEmpty() && !features.isEmpty()) {
            throw new UsageException("--features without --answers: style control compares the answers; give the files of every model and of the baseline");
        }
        options.check(false, questions);
        List<Path> files = options.annotations();
        ArenaOptions asked = new ArenaOptions(
                version, styleFeatures(), mode, new Resamples(options.rounds(), common.seed()), categories, options.allowPartial());
        ArenaQuestions known = questions == null ? ArenaQuestions.unknown() : ArenaQuestions.read(questions);
        List<List<ArenaJudgment>> models = files.stream().map(file -> ArenaJudgment.read(file, version, baseline)).toList();
        List<List<ArenaJudgment>> fixed = pool.stream().map(file -> ArenaJudgment.read(file, version, baseline)).toList();
        return options.show(ArenaEvaluation.of(models, fixed, known, answers.isEmpty() ? null : styles(), asked));
    }

    private List<StyleFeature> styleFeatures() {
        if (answers.isEmpty()) {
            return List.of();
        }
        List<StyleFeature> wanted = new ArrayList<>();
        if (features.isEmpty() || features.contains(Feature.LENGTH)) {
            wanted.addAll(StyleFeature.LENGTH);
        }
        if (features.isEmpty() || features.contains(Feature.MARKDOWN)) {
            wanted.addAll(StyleFeature.MARKDOWN);
        }
        return wanted;
    }

    private ArenaStyles styles() {
        if (tokenizer == null) {
            return ArenaStyles.read(answers, null);
        }
        try (Tokenizer counter = Tokenizer.load(tokenizer)) {
            return ArenaStyles.read(answers, text -> counter.encode(text).length);
        }
    }
}
