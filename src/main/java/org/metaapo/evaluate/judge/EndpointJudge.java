package org.metaapo.evaluate.judge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.files.Json;
import org.metaapo.reward.CallLog;
import org.metaapo.reward.ChatEndpoint;
import org.metaapo.text.Message;

/** A judge behind an OpenAI-compatible chat endpoint. */
public final class EndpointJudge implements AnswerJudge {
    private final ChatEndpoint endpoint;
    private final ObjectNode options;
    private final int parallel;
    private volatile boolean hasLogProbs;

    /**
     * A judge.
     *
     * @param options fields that each request gets beside its own, and over them
     * @param parallel calls at once
     */
    public EndpointJudge(ChatEndpoint endpoint, ObjectNode options, int parallel) {
        this.endpoint = endpoint;
        this.options = options;
        this.parallel = parallel;
    }

    @Override
    public JudgeSetup setup() {
        ObjectNode setup = Json.mapper().createObjectNode().put("endpoint", endpoint.uri().toString()).put("model", endpoint.model());
        if (!options.isEmpty()) {
            setup.set("options", options);
        }
        return new JudgeSetup(endpoint.model(), setup);
    }

    @Override
    public int group() {
        return 1;
    }

    @Override
    public int parallel() {
        return parallel;
    }

    @Override
    public List<Outcome> ask(List<JudgeRequest> requests, CallLog log) throws InterruptedException {
        JudgeRequest request = requests.get(0);
        ObjectNode body = body(request);
        body.setAll(options);
        JudgeReply reply = endpoint.ask(body, log, choice -> read(choice, request));
        return List.of(Outcome.of(reply));
    }

    /** As endpoints expect it. */
    static ObjectNode body(JudgeRequest request) {
        ObjectNode body = Json.mapper().createObjectNode();
        body.set("messages", Json.mapper().valueToTree(request.messages().stream().map(Message::fields).toList()));
        body.put("max_tokens", request.maxTokens()).put("temperature", request.temperature());
        if (request.topLogProbs() > 0) {
            body.put("logprobs", true).put("top_logprobs", request.topLogProbs());
        }
        return body;
    }

    private JudgeReply read(ChatEndpoint.Choice choice, JudgeRequest request) {
        JsonNode content = choice.content();
        if (!content.isTextual() && !(content.isNull() && request.topLogProbs() > 0)) {
            throw new DataException(endpoint.name() + ": the message's content is " + Json.describe(content) + "; expected a text");
        }
        Map<String, Double> logProbs = request.topLogProbs() > 0 ? logProbs(choice.json()) : Map.of();
        return new JudgeReply(content.asText(""), logProbs, choice.isCut(), tokens(choice.usage().path("prompt_tokens")), tokens(choice.usage().path("completion_tokens")));
    }

    private static long tokens(JsonNode count) {
        return count.isIntegralNumber() && count.canConvertToLong() && count.asLong() >= 0 ? count.asLong() : -1;
    }

    private Map<String, Double> logProbs(JsonNode choice) {
        JsonNode top = choice.path("logprobs").path("content").path(0).path("top_logprobs");
        if (!top.isArray() || top.isEmpty()) {
            if (!hasLogProbs && (choice.path("logprobs").isMissingNode() || choice.path("logprobs").isNull())) {
                throw new UsageException(endpoint.name() + ": its reply has no logprobs, and AlpacaEval's preference is made of them; "
                        + "choose an endpoint and model that give top_logprobs, or a --judge that is a model's folder");
            }
            throw new DataException(endpoint.name() + ": logprobs.content[0].top_logprobs is " + Json.describe(top) + "; expected a list");
        }
        Map<String, Double> logProbs = new LinkedHashMap<>();
        for (JsonNode token : top) {
            if (!token.path("token").isTextual() || !token.path("logprob").isNumber() || !(token.path("logprob").asDouble() <= 0)) {
                throw new DataException(endpoint.name() + ": a log-prob is " + Json.describe(token.path("logprob")) + " of " + Json.describe(token.path("token"))
                        + "; expected a token and a number up to 0");
            }
            logProbs.merge(token.path("token").asText(), token.path("logprob").asDouble(), Math::max);
        }
        hasLogProbs = true;
        return logProbs;
    }

    @Override
    public void close() {
        // Nothing is held.
    }
}
