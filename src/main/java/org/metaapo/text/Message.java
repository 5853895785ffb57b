package org.metaapo.text;

import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.StringJoiner;
import org.metaapo.files.Json;

/**
 * A turn of a conversation.
 *
 * @param role such as "system", "user", "assistant"
 * @param content its text; of a multi-part content the text parts, joined; empty where the content is null or absent
 * @param fields the whole turn as it is written: role, content (a text, or a list of parts), tool_calls, …
 */
public record Message(String role, String content, Map<String, Object> fields) {
    private static final String ROLE = "role";
    private static final String CONTENT = "content";
    /** Names of a turn's reasoning; the first that is there counts. */
    private static final List<String> REASONING = List.of("reasoning_content", "thinking", "reasoning");

    /** Copies the fields. */
    public Message {
        fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
    }

    /** A turn with a role and a text. */
    public Message(String role, String content) {
        this(role, content, fields(role, content));
    }

    private static Map<String, Object> fields(String role, String content) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put(ROLE, role);
        fields.put(CONTENT, content);
        return fields;
    }

    /**
     * What a chat template sees of it, as transformers 5 gives it: no field that is null, and reasoning, whatever its name, as
     * {@code reasoning_content} and {@code thinking}, which templates read.
     */
    public Map<String, Object> forTemplate() {
        Map<String, Object> seen = new LinkedHashMap<>();
        Object reasoning = REASONING.stream().map(fields::get).filter(Objects::nonNull).findFirst().orElse(null);
        if (reasoning != null) {
            seen.put("thinking", reasoning);
        }
        fields.forEach((name, value) -> {
            if (value != null) {
                seen.put(name, value);
            }
        });
        if (reasoning != null) {
            seen.put("reasoning_content", reasoning);
        }
        return seen;
    }

    /** The names by which a template may read a field of this name: that, and of reasoning the others that {@link #forTemplate} adds. */
    public static List<String> readAs(String field) {
        return REASONING.contains(field) ? List.of(field, "reasoning_content", "thinking") : List.of(field);
    }

    /** Whether it has nothing but a role and a text. */
    public boolean isPlain() {
        return fields.size() == 2 && fields.get(CONTENT) instanceof String;
    }

    /** For people and judges: its text, and a line of JSON for each further field that is not empty. */
    public String shown() {
        if (isPlain()) {
            return content;
        }
        StringJoiner lines = new StringJoiner("\n");
        if (!content.isEmpty()) {
            lines.add(content);
        }
        fields.forEach((name, value) -> {
            boolean told = name.equals(ROLE) || name.equals(CONTENT) && !(value instanceof List);
            if (!told && !isEmpty(value)) {
                lines.add(name + ": " + Json.write(value));
            }
        });
        return lines.toString();
    }

    private static boolean isEmpty(Object value) {
        return value instanceof Collection<?> list ? list.isEmpty() : value instanceof Map<?, ?> map ? map.isEmpty() : "".equals(value);
    }
}
