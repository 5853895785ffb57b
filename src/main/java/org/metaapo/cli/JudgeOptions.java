package org.metaapo.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.metaapo.engine.Engine;
import org.metaapo.error.UsageException;
import org.metaapo.evaluate.judge.AnswerJudge;
import org.metaapo.evaluate.judge.Budget;
import org.metaapo.evaluate.judge.CommandJudge;
import org.metaapo.evaluate.judge.EndpointJudge;
import org.metaapo.evaluate.judge.LocalModel;
import org.metaapo.reward.BearerToken;
import org.metaapo.reward.ChatEndpoint;
import org.metaapo.reward.LineProcess;
import org.metaapo.reward.Settings;
import org.metaapo.text.ChatOptions;
import picocli.CommandLine.Option;

/** Who judges, and what it may cost. */
final class JudgeOptions {
    private static final Settings NAMES = new Settings("--judge", "--judge-token", "--judge-timeout", "--judge-command", "give shorter answers");

    @Option(names = "--judge", paramLabel = "URL|DIR",
            description = "the judge: an OpenAI-compatible chat endpoint such as http://localhost:8000/v1, or the folder of a language model")
    private String judge;

    @Option(names = "--judge-model", paramLabel = "NAME", description = "its name at the endpoint, and in the files of judgments")
    private String model;

    @Option(names = "--judge-command", paramLabel = "WORD", arity = "1..*", description = "the judge: a program and its arguments, a line of JSON in and out")
    private List<String> command = List.of();

    @Option(names = "--judge-token", paramLabel = "VARIABLE", description = "environment variable with the endpoint's secret, such as OPENAI_API_KEY")
    private String token;

    @Option(names = "--judge-options", paramLabel = "JSON", defaultValue = "{}", description = "an object of fields for each request, over the benchmark's own; for a folder temperature alone")
    private String requestOptions;

    @Option(names = "--judge-longest", paramLabel = "N", description = "tokens of a local judge's reply at most (default: the benchmark's own limit, as far as the model has positions)")
    private int longest = Integer.MAX_VALUE;

    @Option(names = "--judge-timeout", paramLabel = "S", defaultValue = "300", description = "seconds of a call (${DEFAULT-VALUE})")
    private double timeout;

    @Option(names = "--judge-retries", paramLabel = "N", defaultValue = "5", description = "further tries of a call that may succeed later (${DEFAULT-VALUE})")
    private int retries;

    @Option(names = "--judge-parallel", paramLabel = "N", defaultValue = "8", description = "calls at once (${DEFAULT-VALUE})")
    private int parallel;

    @Option(names = "--cache", paramLabel = "FILE", description = "replies that were paid for; several commands may share it (default: judge-replies.jsonl in --out)")
    private Path cache;

    @Option(names = "--dry-run", description = "say how many calls and tokens it would take, and make none")
    private boolean isDryRun;

    @Option(names = "--price", paramLabel = "IN,OUT", split = ",", arity = "1", description = "of a million tokens that the judge reads, and that it writes")
    private List<Double> price = List.of();

    @Option(names = "--budget", paramLabel = "X", description = "stop before the calls have cost more than this; needs --price")
    private Double budget;

    /** Whether a judge is named. */
    boolean isGiven() {
        return judge != null || !command.isEmpty();
    }

    boolean isDryRun() {
        return isDryRun;
    }

    /** The file of replies. */
    Path cache(Path out) {
        return cache == null ? out.resolve("judge-replies.jsonl") : cache;
    }

    /** Looks at the options, without a call. */
    void check() {
        if (judge != null && !command.isEmpty()) {
            throw new UsageException("--judge and --judge-command are two judges; expected one");
        }
        if (!command.isEmpty() && model == null) {
            throw new UsageException("--judge-command without --judge-model; expected the judge's name, which its judgments have");
        }
        if (isEndpoint() && model == null) {
            throw new UsageException("--judge without --judge-model; expected the model's name at the endpoint");
        }
        if (longest < 1 || parallel < 1 || parallel > 1024 || retries < 0 || !(timeout > 0)) {
            throw new UsageException("--judge-parallel takes 1 to 1024, --judge-retries 0 or more, --judge-timeout more than 0");
        }
        requestFields();
        if (price.size() != 0 && (price.size() != 2 || price.stream().anyMatch(one -> !(one >= 0)))) {
            throw new UsageException("--price is " + price + "; expected two numbers from 0 on, such as 2.5,10: of a million tokens read, and written");
        }
        if (budget != null && (price.isEmpty() || !(budget > 0))) {
            throw new UsageException(price.isEmpty() ? "--budget without --price IN,OUT; expected the prices of a million tokens" : "--budget is " + budget + "; expected more than 0");
        }
    }

    /** Fields of each request; a local judge has but its temperature. */
    private ObjectNode requestFields() {
        ObjectNode fields = ChatEndpoint.options(requestOptions, "--judge-options", "logprobs", "top_logprobs");
        if (isLocal()) {
            fields.properties().stream().filter(field -> !field.getKey().equals("temperature") || !(field.getValue().asDouble(-1) >= 0)).findFirst().ifPresent(field -> {
                throw new UsageException("--judge-options has " + field.getKey() + " " + field.getValue() + "; a judge that is a folder takes a temperature from 0 on alone");
            });
        }
        return fields;
    }

    /** The judge's temperature where it is not the benchmark's own; null where it is. */
    Double temperature() {
        JsonNode given = requestFields().path("temperature");
        return given.isNumber() ? (Double) given.asDouble() : null;
    }

    /** An address, or something that was meant to be one. */
    private boolean isEndpoint() {
        return judge != null && !Files.isDirectory(Path.of(judge));
    }

    /** What calls cost. */
    Budget budget() {
        return price.isEmpty() ? Budget.free() : new Budget(price.get(0), price.get(1), budget == null ? Double.POSITIVE_INFINITY : budget);
    }

    /** Whether it is a model that the engine runs. */
    boolean isLocal() {
        return judge != null && !isEndpoint();
    }

    /**
     * Opens the judge; makes no call.
     *
     * @param engine of a local one; null for others
     */
    AnswerJudge open(Engine engine, CommonOptions common) {
        if (isLocal()) {
            Path folder = Path.of(judge);
            String name = model == null ? folder.toAbsolutePath().normalize().getFileName().toString() : model;
            return LocalModel.open(engine, common.dtype(), new LocalModel.Setup(name, folder, null, null, ChatOptions.DEFAULT, Map.of(), common.seed(), parallel, longest, temperature(), true));
        }
        Duration limit = Duration.ofMillis(Math.max(1, Math.round(1000 * timeout)));
        if (!command.isEmpty()) {
            return new CommandJudge(new LineProcess("judge command " + command.get(0), command, limit, NAMES), model, requestFields());
        }
        return new EndpointJudge(new ChatEndpoint(judge, model, BearerToken.of(token, NAMES, System.getenv()), limit, retries, NAMES),
                requestFields(), parallel);
    }
}
