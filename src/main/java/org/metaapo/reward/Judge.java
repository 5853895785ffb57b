package org.metaapo.reward;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalDouble;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.files.OneLine;

/** A language model behind an OpenAI-compatible chat endpoint that says which of two answers is better. */
final class Judge implements QuestionSource {
    private static final int SNIPPET_CHARS = 80;

    private final ChatEndpoint endpoint;
    private final JudgePrompt prompt;
    private final ObjectNode options;
    private final int retries;

    /**
     * A judge.
     *
     * @param address of the API, such as {@code http://localhost:8000/v1}
     * @param promptFile a user's own prompt, or null
     * @param options fields of each request, the JSON of an object
     * @param retries of a request, and of a reply without a verdict
     */
    Judge(String address, String model, Path promptFile, String options, BearerToken token, Duration timeout, int retries) {
        this.endpoint = new ChatEndpoint(address, model, token, timeout, retries, Settings.of("reward.judge"));
        this.prompt = JudgePrompt.load(promptFile);
        this.options = ChatEndpoint.options(options, "reward.judge_options");
        this.retries = retries;
    }

    @Override
    public String name() {
        return endpoint.name();
    }

    @Override
    public String identity() {
        return endpoint.name() + '\n' + endpoint.model() + '\n' + options + '\n' + prompt.text();
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
        ObjectNode request = options.deepCopy();
        request.putArray("messages").addObject().put("role", "user").put("content", prompt.fill(question));
        for (int attempt = 1; ; attempt++) {
            Reply reply = endpoint.ask(request, log, Judge::read);
            if (reply.verdict().isPresent()) {
                return reply.verdict().getAsDouble();
            }
            log.failed();
            String why = endpoint.redact(name() + ": a reply " + reply.shown() + " has no verdict");
            if (!log.waitBeforeRetry(attempt, 0, why, retries)) {
                throw new DataException(why + " in its last line (prompt \"" + Question.start(question.prompt())
                        + "\"); expected \"Verdict: A\", \"Verdict: B\" or \"Verdict: tie\"");
            }
        }
    }

    private static Reply read(ChatEndpoint.Choice choice) {
        if (choice.isCut()) {
            return new Reply("cut by length (allow more in reward.judge_options)", OptionalDouble.empty());
        }
        if (!choice.content().isTextual()) {
            return new Reply("of " + Json.describe(choice.content()), OptionalDouble.empty());
        }
        String text = choice.content().asText();
        String end = text.strip().lines().reduce((first, second) -> second).orElse("");
        return new Reply("that ends with \"" + OneLine.of(end, SNIPPET_CHARS) + "\"", JudgePrompt.verdict(text));
    }
}
