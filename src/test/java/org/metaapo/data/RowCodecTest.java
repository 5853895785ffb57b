package org.metaapo.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.metaapo.text.Answer;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;

class RowCodecTest {
    private static final Prompt PLAIN = new Prompt("Name a prime, 名前 \uD83D\uDE00\n\t\"\\");
    private static final Message CALL = new Message("assistant", "", Map.of(
            "role", "assistant", "content", "", "tool_calls", List.of(Map.of("name", "add", "arguments", Map.of("a", 1, "b", 2.5)))));
    private static final Prompt TALK = new Prompt(new Conversation(
            List.of(new Message("system", ""), new Message("user", "7 + 2.5?"), CALL, new Message("tool", "9.5")),
            List.of(Map.of("name", "add", "strict", true)), List.of(Map.of("title", "sums", "text", "a + b"))));

    private static final Prompt VARIED = new Prompt("plain", Map.of("enable_thinking", false));
    private static final Prompt THINKING = new Prompt(Conversation.ask("?").with(Map.of("enable_thinking", true, "mode", List.of(1))));
    private static final Answer TURNS = new Answer(List.of(
            CALL, new Message("tool", "", Map.of("role", "tool", "name", "add")), new Message("assistant", "9.5")));

    static Stream<Row> rows() {
        return Stream.of(
                new Row(7, "f, row 3", PLAIN, Answer.of("Seven."), Answer.of("Nine."), null, null, 0.1, -3.0, null, null),
                new Row(0, "f", TALK, TURNS, Answer.of(""), Answer.of("Nine and a half."), new Answer(List.of(CALL)), null, 0.0, null, null),
                new Row(1, "f", VARIED, Answer.of("a"), null, null, null, null, null, false, null),
                new Row(1, "f", TALK, Answer.of("a"), null, null, null, null, null, true, null),
                new Row(1, "f", PLAIN, null, null, null, null, null, null, null, List.of(Answer.of("one"), Answer.of(""), TURNS)),
                Row.single(2, "f", new Prompt(Conversation.ask("?")), null, null),
                Row.single(2, "f", THINKING, TURNS, null));
    }

    @ParameterizedTest
    @MethodSource("rows")
    void aRowComesBackAsItWas(Row row) {
        assertEquals(row, RowCodec.decode(RowCodec.encode(row).bytes(), row.id(), row.source()));
    }

    @ParameterizedTest
    @MethodSource("rows")
    void aPromptsDigestDependsOnThePromptAlone(Row row) {
        assertEquals(RowCodec.promptDigest(row.prompt()), RowCodec.encode(row).promptDigest());
        Prompt other = new Prompt(new Conversation(List.of(new Message("user", "7 + 2.5?")), null, List.of("x")));
        assertNotEquals(RowCodec.promptDigest(row.prompt()), RowCodec.encode(row.withPrompt(other)).promptDigest());
    }
}
