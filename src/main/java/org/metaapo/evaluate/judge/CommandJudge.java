package org.metaapo.evaluate.judge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.error.DataException;
import org.metaapo.error.RunFailedException;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.files.Json;
import org.metaapo.reward.CallLog;
import org.metaapo.reward.LineProcess;

/**
 * A judge that is the user's command. It reads a line of JSON, the request of an OpenAI-compatible chat endpoint ({@code messages}, {@code max_tokens},
 * {@code temperature}, and {@code logprobs} with {@code top_logprobs}), and writes a line {@code {"text": …, "log_probs": {token: number}}}, with
 * {@code prompt_tokens}, {@code reply_tokens} and {@code cut} where it knows them.
 */
public final class CommandJudge implements AnswerJudge {
    private final LineProcess process;
    private final String name;
    private final ObjectNode options;

    /**
     * A judge.
     *
     * @param name of the judge, as the benchmark's files have it
     * @param options fields that each request gets beside its own, and over them
     */
    public CommandJudge(LineProcess process, String name, ObjectNode options) {
        this.options = options;
        this.process = process;
        this.name = name;
    }

    @Override
    public JudgeSetup setup() {
        ObjectNode setup = Json.mapper().createObjectNode().put("command", process.identity()).put("model", name);
        if (!options.isEmpty()) {
            setup.set("options", options);
        }
        return new JudgeSetup(name, setup);
    }

    @Override
    public int group() {
        return 1;
    }

    @Override
    public int parallel() {
        return 1;
    }

    @Override
    public List<Outcome> ask(List<JudgeRequest> requests, CallLog log) {
        List<Outcome> replies = new ArrayList<>();
        for (JudgeRequest request : requests) {
            log.sent();
            try {
                ObjectNode body = EndpointJudge.body(request).put("model", name);
                body.setAll(options);
                String line = process.exchange(Json.write(body));
                replies.add(Outcome.of(read(Json.parse(line, "judge command"), request)));
            } catch (DataException | RunFailedException e) {
                log.failed();
                throw e;
            }
        }
        return replies;
    }

    private static JudgeReply read(JsonNode line, JudgeRequest request) {
        if (!line.path("text").isTextual()) {
            throw new DataException("judge command: text is " + Json.describe(line.path("text")) + "; expected {\"text\": \"…\"}");
        }
        Map<String, Double> logProbs = new LinkedHashMap<>();
        if (request.topLogProbs() > 0) {
            JsonNode given = line.path("log_probs");
            if (!(given instanceof ObjectNode) || given.isEmpty()) {
                throw new DataException("judge command: log_probs is " + Json.describe(given) + "; expected the first token's likeliest values with their log-probs");
            }
            given.properties().forEach(entry -> {
                if (!entry.getValue().isNumber() || !(entry.getValue().asDouble() <= 0)) {
                    throw new DataException("judge command: the log-prob of \"" + entry.getKey() + "\" is " + Json.describe(entry.getValue()) + "; expected a number up to 0");
                }
                logProbs.put(entry.getKey(), entry.getValue().asDouble());
            });
        }
        return new JudgeReply(line.path("text").asText(), logProbs, line.path("cut").asBoolean(), line.path("prompt_tokens").asLong(-1),
                line.path("reply_tokens").asLong(-1));
    }

    @Override
    public void abort() {
        process.abort();
    }

    @Override
    public void close() {
        process.close();
    }
}
