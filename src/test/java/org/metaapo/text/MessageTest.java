package org.metaapo.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a template sees of a turn, beside what transformers 5.24's apply_chat_template gives it. */
class MessageTest {
    private static Map<String, Object> fields(Object... namesAndValues) {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            fields.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return fields;
    }

    private static String seen(Object... namesAndValues) {
        Map<String, Object> seen = new Message("assistant", "", fields(namesAndValues)).forTemplate();
        return Arrays.asList("content", "reasoning_content", "thinking", "reasoning").stream().map(name -> String.valueOf(seen.getOrDefault(name, "")))
                .reduce((a, b) -> a + "|" + b).orElseThrow() + "|" + String.join(" ", seen.keySet());
    }

    @Test
    void nullsAreAbsentAndReasoningHasAllItsNames() {
        assertThat(seen("role", "assistant", "content", null, "tool_calls", List.of())).isEqualTo("||||role tool_calls");
        assertThat(seen("role", "assistant", "content", "a", "reasoning", "why"))
                .isEqualTo("a|why|why|why|thinking role content reasoning reasoning_content");
        assertThat(seen("role", "assistant", "content", "c", "reasoning_content", "x", "thinking", "t"))
                .isEqualTo("c|x|t||thinking role content reasoning_content");
        assertThat(seen("role", "assistant", "content", "d", "reasoning_content", "x"))
                .isEqualTo("d|x|x||thinking role content reasoning_content");
        assertThat(seen("role", "assistant", "content", "b", "thinking", "t", "reasoning", "r", "reasoning_content", null))
                .isEqualTo("b|t|t|r|thinking role content reasoning reasoning_content");
        assertThat(seen("role", "assistant", "content", "e", "reasoning", null)).isEqualTo("e||||role content");
    }
}
