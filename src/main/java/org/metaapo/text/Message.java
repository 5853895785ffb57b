package org.metaapo.text;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A turn of a conversation.
 *
 * @param role such as "system", "user", "assistant"
 * @param content its text; of a multi-part content the text parts, joined
 * @param fields the whole turn as the template sees it: role, content (a text, or a list of parts), tool_calls, …
 */
public record Message(String role, String content, Map<String, Object> fields) {
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
        fields.put("role", role);
        fields.put("content", content);
        return fields;
    }
}
