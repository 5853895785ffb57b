package org.metaapo.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.metaapo.error.UsageException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code metaapo evaluate compare}: finds the judgments of several evaluations, and has their benchmark score them together. */
@Command(
        name = "compare",
        description = "Several models side by side, from folders that evaluate wrote or files of judgments: intervals, paired tests, and a page.",
        mixinStandardHelpOptions = true)
final class CompareEvaluationsCommand implements Callable<Integer> {
    private static final int DEPTH = 3;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Parameters(paramLabel = "A", arity = "1..*", description = "folders (--out of an evaluation) or files of judgments, all of one benchmark; the others are tested against the first")
    private List<Path> evaluations;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "folder for evaluation.html and metrics.json")
    private Path out;

    @Option(names = "--reference-outputs", paramLabel = "FILE", description = "alpaca-eval's: which instructions there are")
    private Path reference;

    @Option(names = "--calibration", paramLabel = "FILE", description = "alpaca-eval's df_gamed.csv")
    private Path calibration;

    @Option(names = "--questions", paramLabel = "FILE", description = "arena-hard's and mt-bench's question.jsonl")
    private Path questions;

    @Option(names = "--answers", paramLabel = "FILE", arity = "1..*", description = "arena-hard's files of answers, for style control and the page")
    private List<Path> answers = List.of();

    @Option(names = "--tokenizer", paramLabel = "DIR", description = "counts arena-hard's tokens where the answers do not say")
    private Path tokenizer;

    @Option(names = "--allow-partial", description = "score what is judged although it is not all")
    private boolean allowPartial;

    @Option(names = "--repeats", paramLabel = "N", defaultValue = "1", description = "how often each model was judged: figures are medians, with their spread (${DEFAULT-VALUE})")
    private int repeats;

    @Option(names = "--doubtful", paramLabel = "FILE", description = "questions whose reference is doubtful: figures without them stand beside")
    private Path doubtful;

    @Option(names = "--seed", paramLabel = "N", description = "of bootstraps (default: 42)")
    private Long seed;

    @Override
    public Integer call() {
        List<Path> files = new ArrayList<>();
        List<String> benchmark = null;
        for (Path given : evaluations) {
            for (Path file : Files.isDirectory(given) ? judgments(given) : List.of(given)) {
                List<String> found = benchmark(file);
                if (benchmark != null && !benchmark.equals(found)) {
                    throw new UsageException(file + ": judgments of " + String.join(" ", found) + ", before it of " + String.join(" ", benchmark) + "; expected one benchmark");
                }
                benchmark = found;
                files.add(file);
            }
        }
        List<String> arguments = new ArrayList<>(benchmark.subList(1, benchmark.size()));
        arguments.add("--annotations");
        files.forEach(file -> arguments.add(file.toString()));
        arguments.addAll(List.of("--out", out.toString()));
        option(arguments, "--reference-outputs", reference);
        option(arguments, "--calibration", calibration);
        option(arguments, "--questions", questions);
        option(arguments, "--tokenizer", tokenizer);
        option(arguments, "--seed", seed);
        option(arguments, "--repeats", repeats);
        option(arguments, "--doubtful", doubtful);
        if (!answers.isEmpty()) {
            option(arguments, "--answers", answers.get(0));
            answers.subList(1, answers.size()).forEach(file -> arguments.add(file.toString()));
        }
        if (allowPartial) {
            arguments.add("--allow-partial");
        }
        return run(spec.parent().subcommands().get(benchmark.get(0)), arguments);
    }

    private static void option(List<String> arguments, String name, Object value) {
        if (value != null) {
            arguments.addAll(List.of(name, value.toString()));
        }
    }

    /** With the failures of the command told as its own. */
    private static Integer run(CommandLine command, List<String> arguments) {
        command.parseArgs(arguments.toArray(String[]::new));
        try {
            return ((Callable<?>) command.getCommand()).call() instanceof Integer status ? status : 0;
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Those of an evaluation, or of each of its repeats. */
    private List<Path> judgments(Path folder) {
        List<Path> folders = repeats == 1 ? List.of(folder) : IntStream.rangeClosed(1, repeats).mapToObj(number -> folder.resolve("repeat-" + number)).toList();
        folders.stream().filter(one -> !Files.isDirectory(one)).findFirst().ifPresent(one -> {
            throw new UsageException(one + " is not there; expected the --out of an evaluation with --repeats " + repeats);
        });
        return folders.stream().flatMap(one -> found(one, folder).stream()).toList();
    }

    private List<Path> found(Path folder, Path evaluation) {
        try (Stream<Path> all = Files.walk(folder, DEPTH)) {
            List<Path> found = all.filter(CompareEvaluationsCommand::isJudgments)
                    .filter(file -> repeats > 1 || !folder.relativize(file).getName(0).toString().matches("repeat-[0-9]+")).sorted().toList();
            if (found.isEmpty() && Files.isDirectory(evaluation.resolve("repeat-1"))) {
                throw new UsageException(evaluation + " has repeats; expected --repeats N, or the folder of one of them, such as " + evaluation.resolve("repeat-1"));
            }
            if (found.isEmpty()) {
                throw new UsageException(folder + ": no judgments; expected the --out of an evaluation, with <annotator>/annotations.json or model_judgment/");
            }
            return found;
        } catch (IOException e) {
            throw FileFailures.reading(folder, e);
        }
    }

    private static boolean isJudgments(Path file) {
        return file.getFileName().toString().equals("annotations.json")
                || file.toString().endsWith(".jsonl") && file.toAbsolutePath().toString().contains("model_judgment");
    }

    /** The command that scores a file, with the options that say which of its scores. */
    private static List<String> benchmark(Path file) {
        if (file.toString().endsWith(".json")) {
            return List.of("alpaca-eval");
        }
        try (Stream<String> lines = Files.lines(file)) {
            JsonNode first = lines.filter(line -> !line.isBlank()).findFirst().map(line -> Json.parse(line, file.toString())).orElse(Json.mapper().createObjectNode());
            return first.has("games") ? List.of("arena-hard") : first.has("g1_winner") ? List.of("mt-bench", "--mode", "pairwise") : List.of("mt-bench");
        } catch (IOException e) {
            throw FileFailures.reading(file, e);
        }
    }
}
