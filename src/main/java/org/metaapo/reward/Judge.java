package org.metaapo.reward;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalDouble;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;

/** A language model behind an OpenAI-compatible chat endpoint that says which of two answers is better. */
final class Judge implements QuestionSource {
    private static final String ENDPOINT = "/chat/completions";
    private static final List<String> OWN_FIELDS = List.of("model", "messages", "stream", "n");
    private static final int SNIPPET_CHARS = 80;

    private final URI uri;
    private final String model;
    private final JudgePrompt prompt;
    private final ObjectNode options;
    private final int retries;
    private final BearerToken token;
    private final HttpCaller caller;

    /**
     * A judge.
     *
     * @param address of the API, such as {@code http://localhost:8000/v1}
     * @param promptFile a user's own prompt, or null
     * @param options fields of each request, the JSON of an object
     * @param retries of a request, and of a reply without a verdict
     */
    Judge(String address, String model, Path promptFile, String options, BearerToken token, Duration timeout, int retries) {
        this.uri = ServiceAddress.parse("reward.judge", endpoint(ServiceAddress.parse("reward.judge", address)));
        this.model = model;
        this.token = token;
        this.prompt = JudgePrompt.load(promptFile);
        this.options = options(options);
        this.retries = retries;
        this.caller = new HttpCaller(name(), uri, token, timeout, retries);
    }

    /** The address of the endpoint; it may be given whole. */
    private static String endpoint(URI address) {
        String whole = address.toString();
        int query = whole.indexOf('?');
        String path = (query < 0 ? whole : whole.substring(0, query)).replaceAll("/+$", "");
        return (path.endsWith(ENDPOINT) ? path : path + ENDPOINT) + (query < 0 ? "" : whole.substring(query));
    }

    private static ObjectNode options(String text) {
        ObjectNode object = (ObjectNode) Json.parse(text, "reward.judge_options");
        for (String name : OWN_FIELDS) {
            if (object.has(name)) {
                throw new UsageException("reward.judge_options has " + name + ", which metaapo sets itself");
            }
        }
        return object;
    }

    @Override
    public String name() {
        return "judge " + uri;
    }

    @Override
    public String identity() {
        return "judge " + uri + '\n' + model + '\n' + options + '\n' + prompt.text();
    }

    /** What a reply says, and its verdict if there is one. */
    private record Reply(String shown, OptionalDouble verdict) {}

    @Override
    public double[] answer(List<Question> questions, CallLog log) throws InterruptedException {
        double[] verdicts = new double[questions.size()];
        for (int i = 0; i < verdicts.length; i++) {
            verdicts[i] = verdict(questions.get(i), log);
        }
        return verdicts;
    }

    private double verdict(Question question, CallLog log) throws InterruptedException {
        ObjectNode request = options.deepCopy().put("model", model);
        request.putArray("messages").addObject().put("role", "user").put("content", prompt.fill(question));
        String body = Json.write(request);
        for (int attempt = 1; ; attempt++) {
            Reply reply = caller.post(body, log, json -> read(json, log));
            if (reply.verdict().isPresent()) {
                return reply.verdict().getAsDouble();
            }
            log.failed();
            String why = token.redact(name() + ": a reply " + reply.shown() + " has no verdict");
            if (!log.waitBeforeRetry(attempt, 0, why, retries)) {
                throw new DataException(why + " in its last line (prompt \"" + Question.start(question.prompt())
                        + "\"); expected \"Verdict: A\", \"Verdict: B\" or \"Verdict: tie\"");
            }
        }
    }

    private Reply read(JsonNode json, CallLog log) {
        JsonNode choice = json.path("choices").path(0);
        JsonNode content = choice.path("message").path("content");
        if (!choice.isObject() || !choice.path("message").isObject()) {
            throw new DataException(name() + ": expected choices[0].message, found " + Json.describe(json.path("choices")));
        }
        ServiceJson.tokens(json, log);
        if (choice.path("finish_reason").asText().equals("length")) {
            return new Reply("cut by length (allow more in reward.judge_options)", OptionalDouble.empty());
        }
        if (!content.isTextual()) {
            return new Reply("of " + Json.describe(content), OptionalDouble.empty());
        }
        String text = content.asText();
        String end = text.strip().lines().reduce((first, second) -> second).orElse("");
        return new Reply("that ends with \"" + Question.oneLine(end, SNIPPET_CHARS) + "\"", JudgePrompt.verdict(text));
    }
}
