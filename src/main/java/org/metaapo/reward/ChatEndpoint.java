package org.metaapo.reward;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;

/** A language model behind an OpenAI-compatible chat endpoint. Thread-safe. */
public final class ChatEndpoint {
    private static final String PATH = "/chat/completions";
    private static final List<String> OWN_FIELDS = List.of("model", "messages", "stream", "n");

    private final URI uri;
    private final String model;
    private final BearerToken token;
    private final HttpCaller caller;

    /**
     * An endpoint; nothing is sent yet.
     *
     * @param address of the API, such as {@code http://localhost:8000/v1}
     * @param model its name there
     * @param timeout of one request with its response
     * @param retries of a request that may succeed later
     * @param names of the settings, for messages
     */
    public ChatEndpoint(String address, String model, BearerToken token, Duration timeout, int retries, Settings names) {
        this.uri = ServiceAddress.parse(names, whole(ServiceAddress.parse(names, address)));
        this.model = model;
        this.token = token;
        this.caller = new HttpCaller(name(), uri, token, timeout, retries, names);
    }

    /** The address of the endpoint; it may be given whole. */
    private static String whole(URI address) {
        String text = address.toString();
        int query = text.indexOf('?');
        String path = (query < 0 ? text : text.substring(0, query)).replaceAll("/+$", "");
        return (path.endsWith(PATH) ? path : path + PATH) + (query < 0 ? "" : text.substring(query));
    }

    /**
     * Fields that a user adds to each request.
     *
     * @param setting their name, for messages
     * @throws UsageException if one is set by the caller itself
     */
    public static ObjectNode options(String text, String setting, String... others) {
        if (!(Json.parse(text, setting) instanceof ObjectNode object)) {
            throw new UsageException(setting + " is no JSON object");
        }
        for (String name : OWN_FIELDS) {
            refuse(object, name, setting);
        }
        for (String name : others) {
            refuse(object, name, setting);
        }
        return object;
    }

    private static void refuse(ObjectNode object, String name, String setting) {
        if (object.has(name)) {
            throw new UsageException(setting + " has " + name + ", which metaapo sets itself");
        }
    }

    /** The endpoint in messages. */
    public String name() {
        return "judge " + uri;
    }

    /** Where requests go. */
    public URI uri() {
        return uri;
    }

    /** The model's name. */
    public String model() {
        return model;
    }

    /** A text without the secret. */
    public String redact(String text) {
        return token.redact(text);
    }

    /**
     * Posts a request.
     *
     * @param request all fields but the model
     * @param log hears of calls, and of tokens that the reply tells
     * @param reader makes the result of the reply and of {@code choices[0]}, whose message is an object
     * @throws org.metaapo.error.RunFailedException if no try succeeded
     * @throws DataException if the reply is none
     */
    public <T> T ask(ObjectNode request, CallLog log, Function<Choice, T> reader) throws InterruptedException {
        ObjectNode whole = request.deepCopy().put("model", model);
        return caller.post(Json.write(whole), log, json -> {
            JsonNode choice = json.path("choices").path(0);
            if (!choice.isObject() || !choice.path("message").isObject()) {
                throw new DataException(name() + ": expected choices[0].message, found " + Json.describe(json.path("choices")));
            }
            ServiceJson.tokens(json, log);
            return reader.apply(new Choice(choice, json.path("usage")));
        });
    }

    /**
     * A reply.
     *
     * @param json the first choice
     * @param usage tokens, where the endpoint tells them
     */
    public record Choice(JsonNode json, JsonNode usage) {
        /** The message's text, which may be missing. */
        public JsonNode content() {
            return json.path("message").path("content");
        }

        /** Whether it ended for want of tokens. */
        public boolean isCut() {
            return json.path("finish_reason").asText().equals("length");
        }
    }
}
