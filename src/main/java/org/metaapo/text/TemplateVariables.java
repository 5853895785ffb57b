package org.metaapo.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.metaapo.config.RunConfig;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;

/** Variables that data or a configuration hand to a chat template beside the conversation: {@code chat_template_kwargs}. */
public final class TemplateVariables {
    /** What a template gets from the conversation itself, and what transformers takes for its own parameters. */
    private static final Set<String> TAKEN = Set.of(
            "messages", "conversation", "tools", "documents", "add_generation_prompt", "continue_final_message", "chat_template", "tokenize",
            "padding", "truncation", "max_length", "return_tensors", "return_dict", "return_assistant_tokens_mask", "tokenizer_kwargs");

    private TemplateVariables() {}

    /**
     * What {@code data.chat_template_kwargs} of a configuration says.
     *
     * @throws UsageException if a name cannot be a variable
     */
    public static Map<String, Object> of(RunConfig config) {
        return parse("data.chat_template_kwargs", config.text("data.chat_template_kwargs"));
    }

    /**
     * The variables of a JSON object that a person gave.
     *
     * @param key where it was given, for messages
     * @throws UsageException if it is none, or a name cannot be a variable
     */
    public static Map<String, Object> parse(String key, String json) {
        JsonNode object;
        try {
            object = Json.parse(json, key);
        } catch (DataException e) {
            throw new UsageException(e.getMessage() + "; expected an object, such as {\"enable_thinking\": false}");
        }
        if (!object.isObject()) {
            throw new UsageException(key + ": expected an object, such as {\"enable_thinking\": false}, found " + Json.describe(object));
        }
        Map<String, Object> variables = new TreeMap<>();
        object.properties().forEach(entry -> variables.put(entry.getKey(), Json.plain(entry.getValue())));
        String refusal = refusal(variables.keySet());
        if (refusal != null) {
            throw new UsageException(key + ": " + refusal);
        }
        return Collections.unmodifiableMap(variables);
    }

    /** Why one of the names cannot be a variable; null where all can. */
    public static String refusal(Iterable<String> names) {
        for (String name : names) {
            if (TAKEN.contains(name)) {
                return name + " is no variable of a template" + switch (name) {
                    case "messages", "conversation", "tools", "documents" -> "; the row's own columns give it";
                    case "chat_template" -> "; data.chat_template chooses one by its name";
                    default -> ", but a parameter of apply_chat_template";
                };
            }
        }
        return null;
    }

    /** Variables with others over them, in the order of their names. */
    public static Map<String, Object> merged(Map<String, Object> below, Map<String, Object> over) {
        if (over.isEmpty()) {
            return below;
        }
        Map<String, Object> all = new TreeMap<>(below);
        all.putAll(over);
        return Collections.unmodifiableMap(all);
    }
}
