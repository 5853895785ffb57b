package org.metaapo.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;

/** What was said, how it is kept in files, what was typed, and what can be set. */
class ChatHistoryTest {
    @TempDir
    Path temp;

    private static String shown(Conversation talk) {
        return talk.turns().stream().map(turn -> turn.role().charAt(0) + ":" + turn.content()).reduce("", (a, b) -> a + " " + b).strip();
    }

    private static void say(ChatHistory history, String text, String answer) {
        history.add(ChatHistory.message(text), answer);
    }

    @Test
    void messagesAreTakenBackOneByOne() {
        ChatHistory history = new ChatHistory(new Conversation(List.of()));
        say(history, "1", "a");
        say(history, "2", "");
        history.system("S");
        say(history, "3", "c");
        assertThat(shown(history.conversation())).isEqualTo("s:S u:1 a:a u:3 a:c");
        assertThat(history.messages()).isEqualTo(3);
        assertThat(history.undo().content()).isEqualTo("3");
        assertThat(history.undo().content()).isEqualTo("2");
        assertThat(shown(history.conversation())).isEqualTo("s:S u:1 a:a");
        history.system(null);
        assertThat(history.undo().content()).isEqualTo("1");
        assertThat(history.conversation().turns()).isEmpty();
        history.system("T");
        say(history, "4", "d");
        history.clear();
        assertThat(shown(history.conversation())).isEqualTo("s:T");
    }

    /** A conversation with tools, whose last turn may be the user's. */
    @Test
    void filesAreThoseOfTheLayoutMessages() throws Exception {
        Path file = temp.resolve("talk.jsonl");
        Conversation first = new Conversation(List.of(
                new Message("system", "S"), new Message("user", "漢字 🙂\n\"x\""), new Message("assistant", "b")), null, null, Map.of("enable_thinking", false));
        Conversation second = new Conversation(List.of(new Message("user", "q"), new Message("assistant", "c"), new Message("user", "d")));
        ChatFile.write(file, List.of(first, second), List.of("m", "n"));
        assertThat(Files.readAllLines(file)).hasSize(2).first().asString().endsWith("\"chat_template_kwargs\":{\"enable_thinking\":false},\"model\":\"m\"}");
        assertThat(ChatFile.read(file, 2, Map.of())).containsExactly(first, second);
        assertThat(ChatFile.read(file, 1, Map.of())).containsExactly(first);
        assertThat(ChatFile.read(Path.of("examples/data/tools.jsonl"), 2, Map.of()).get(0).tools()).isNotNull();
        assertThatThrownBy(() -> ChatFile.read(Path.of("examples/data/pairs.jsonl"), 1, Map.of()))
                .isInstanceOf(DataException.class).hasMessageContaining("expected a conversation");
        ChatHistory history = new ChatHistory(second);
        assertThat(history.undo().content()).isEqualTo("d");
        assertThat(shown(history.conversation())).isEqualTo("u:q a:c");
    }

    @Test
    void severalLinesAreQuoted() {
        String text = "one\n\"\"\"\nfirst\n  /exit\n\"\"\"\r\n\"\"\"two\"\"\"\n\n\"\"\"a \"\"\" b\n\"\"\"";
        StreamInput input = new StreamInput(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), "in", null);
        assertThat(List.of(input.next(), Quoted.inner(input.next()), Quoted.inner(input.next()), input.next(), Quoted.inner(input.next())))
                .containsExactly("one", "first\n  /exit", "two", "", "a \"\"\" b");
        assertThat(input.next()).isNull();
        assertThat(Quoted.isOpen("\"\"\"")).isTrue();
        assertThat(Quoted.isOpen("\"\"\"\"\"")).isTrue();
        assertThat(Quoted.isOpen("say \"\"\"")).isFalse();
        assertThatThrownBy(() -> new StreamInput(new ByteArrayInputStream("\"\"\"x\ny".getBytes(StandardCharsets.UTF_8)), "in", null).next())
                .isInstanceOf(DataException.class).hasMessage("in: line 1: \"\"\" opens a text that nothing closes");
        assertThatThrownBy(() -> new StreamInput(new ByteArrayInputStream(new byte[] {'a', '\n', (byte) 0xFF}), "in", null) {{
            next();
        }}.next()).isInstanceOf(DataException.class).hasMessageContaining("line 2");
    }

    @Test
    void valuesAreCheckedAsTheOptionsAre() {
        ChatSettings settings = new ChatSettings();
        settings.set("top-p", "top-p", "0.5");
        settings.set("temperature", "temperature", "0");
        assertThat(settings.get("top_p")).isEqualTo("0.5");
        assertThat(settings.sampling(7, new int[] {3}).greedy()).isTrue();
        assertThat(settings.sampling(7, new int[] {3}).maxNewTokens()).isEqualTo(7);
        for (String[] wrong : new String[][] {
            {"temperature", "-1", "expected a positive number"}, {"temperature", "NaN", "expected a positive number"}, {"temperature", "Infinity", "expected a positive"},
            {"temperature", "hot", "expected a number"}, {"top_p", "0", "expected more than 0 and at most 1"}, {"top_k", "-1", "expected 0 or more"},
            {"top_k", "1.5", "expected a whole number"}, {"max_new_tokens", "0", "expected 1 or more"}, {"seed", "x", "expected a whole number"},
            {"temprature", "1", "did you mean temperature?"}}) {
            assertThatThrownBy(() -> settings.set(wrong[0], wrong[0], wrong[1])).isInstanceOf(UsageException.class).hasMessageContaining(wrong[2]);
        }
        assertThat(settings.get("temperature")).isEqualTo("0.0");
    }
}
