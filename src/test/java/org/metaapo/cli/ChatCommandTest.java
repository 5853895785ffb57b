package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** {@code metaapo chat} in a pipe: what it says is what {@code generate} writes for the same turns. */
class ChatCommandTest extends CommandTest {
    private static final String[] COMMON = {"--dtype", "f32", "--threads", "1", "--quiet", "--max-new-tokens", "12"};

    private int chat(String input, String... arguments) {
        InputStream before = System.in;
        System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
        try {
            return run(all(new String[] {"chat"}, arguments));
        } finally {
            System.setIn(before);
        }
    }

    private static String[] all(String[] first, String... rest) {
        List<String> all = new ArrayList<>(Arrays.asList(first));
        all.addAll(Arrays.asList(COMMON));
        all.addAll(Arrays.asList(rest));
        return all.toArray(String[]::new);
    }

    private String said(String input, String... arguments) {
        assertThat(chat(input, arguments)).as(err).isZero();
        return out;
    }

    /** The answer of {@code generate} to the last of these turns, a user's turn first. */
    private String generated(String model, String system, List<String> turns, String... arguments) throws IOException {
        List<Object> messages = new ArrayList<>();
        if (system != null) {
            messages.add(java.util.Map.of("role", "system", "content", system));
        }
        for (int i = 0; i < turns.size(); i++) {
            messages.add(java.util.Map.of("role", i % 2 == 0 ? "user" : "assistant", "content", turns.get(i)));
        }
        Path data = write("turns.jsonl", Json.write(java.util.Map.of("messages", messages)));
        assertThat(run(all(new String[] {"generate", "--model", model, "--data", data.toString(), "--k", "1"}, arguments))).as(err).isZero();
        return Json.parse(out, "generate").path("responses").path(0).asText();
    }

    @Test
    void answersAreThoseOfGenerate() throws IOException {
        String model = fixture("tiny-llama");
        String first = generated(model, "Be brief.", List.of("Name a prime."), "--greedy");
        String second = generated(model, "Be brief.", List.of("Name a prime.", first, "Another?\nPlease."), "--greedy");
        String input = "/system Be brief.\nName a prime.\n\n\"\"\"\nAnother?\nPlease.\n\"\"\"\n/exit\nnot read\n";
        assertThat(said(input, "--model", model, "--temperature", "0")).isEqualTo(first + "\n" + second + "\n");
        assertThat(said("Name a prime.", "--model", model, "--temperature", "0", "--system", "Be brief.")).isEqualTo(first + "\n");
        String drawn = generated(model, null, List.of("漢字 🙂"), "--temperature", "0.8", "--top-k", "30", "--seed", "7");
        assertThat(said("/set temperature 0.8\n/set top_k=30\n/set seed 7\n漢字 🙂\n", "--model", model)).isEqualTo(drawn + "\n");
    }

    @Test
    void twoModelsAnswerAsEachDoesAlone() {
        String one = fixture("tiny-llama");
        String other = fixture("tiny-qwen2");
        String input = "Name a prime.\nAnother?\n";
        String[] first = said(input, "--model", one).split("\n", -1);
        String[] second = said(input, "--model", other).split("\n", -1);
        assertThat(first).isNotEqualTo(second);
        assertThat(said(input, "--model", one, "--against", other).lines())
                .containsExactly(one + ":", first[0], other + ":", second[0], one + ":", first[1], other + ":", second[1]);
        // The same model beside itself draws the same numbers, and its weights are there once.
        List<String> twice = said("Name a prime.\n", "--model", one, "--against", one).lines().toList();
        assertThat(twice.get(1)).isEqualTo(twice.get(3)).isEqualTo(first[0]);
    }

    @Test
    void messagesAreTakenBackAskedAgainSavedAndLoaded() throws IOException {
        String model = fixture("tiny-llama");
        Path file = temp.resolve("talk.jsonl");
        List<String> lines = said("one\n/regen\n/regen\n/undo\none\ntwo\n/save " + file + "\nthree\n", "--model", model).lines().toList();
        assertThat(lines).hasSize(6);
        assertThat(lines.subList(0, 3)).doesNotHaveDuplicates();
        assertThat(lines.get(3)).as("the same message in the same place").isEqualTo(lines.get(0));
        JsonNode saved = Json.read(file);
        assertThat(saved.path("messages").findValuesAsText("content")).containsExactly("one", lines.get(3), "two", lines.get(4));
        assertThat(said("/load " + file + "\nthree\n", "--model", model)).isEqualTo(lines.get(5) + "\n");
        assertThat(said("/load " + file + "\n/undo\ntwo\n/clear\none\n", "--model", model)).isEqualTo(lines.get(4) + "\n" + lines.get(0) + "\n");
        assertThat(run("inspect", "--model", model, "--data", file.toString(), "--rows", "0", "--quiet")).as(err).isZero();
        assertThat(out + err).contains("conversation");
    }

    @Test
    void statsTellSpeedAndContext() {
        assertThat(chat("/stats\nName a prime.\n/stats\n", "--model", fixture("tiny-llama"), "--context", "200")).isZero();
        assertThat(err.lines()).hasSize(3).first().asString().contains("no answer yet; context 0 of 200 tokens (0 %)");
        assertThat(err.lines().skip(2)).singleElement().asString()
                .matches(".*tiny-llama: [0-9]+ tokens of prompt, 12 of answer, the first after [0-9.]+ s, then [0-9.]+ a second; context [0-9]+ of 200 tokens .*");
    }

    /** In a pipe nobody mends: the first wrong line ends the chat, and what was said before it is there. */
    @Test
    void whatIsWrongIsOneLine() throws IOException {
        String model = fixture("tiny-llama");
        String[][] cases = {
            {"2", "/hepl", "no command is named /hepl; did you mean /help?"}, {"2", "/set temperature -1", "temperature is -1.0; expected a positive number"},
            {"2", "/undo", "no message was sent yet"}, {"2", "/regen", "no message was sent yet"}, {"2", "/save", "/save needs the name of a file"},
            {"3", "/load none.jsonl", "none.jsonl"}, {"2", "/clear all", "/clear takes nothing"}, {"1", "/save /proc/none/x", "/proc/none/x"},
            {"3", "\"\"\"\nopen", "line 2: \"\"\" opens a text that nothing closes"},
        };
        for (String[] one : cases) {
            assertThat(chat("\n" + one[1] + "\nhello\n", "--model", model)).as(one[1] + err).isEqualTo(Integer.parseInt(one[0]));
            assertThat(err.lines()).as(one[1]).singleElement().asString().startsWith("metaapo: ").contains(one[2]).doesNotContain("Exception");
            assertThat(out).as(one[1]).isEmpty();
        }
        assertThat(chat("hello /exit\n/etc/hosts is a file\n// no command\n/exit", "--model", model)).as(err).isZero();
        assertThat(out.lines()).hasSizeGreaterThanOrEqualTo(3);
        String[][] options = {
            {"--temperature is hot", "--temperature", "hot"}, {"--top-p is 2.0", "--top-p", "2"}, {"--context is 5000; expected 2 to 1024", "--context", "5000"},
            {"--threads is -1", "--threads", "-1"},
        };
        for (String[] one : options) {
            assertThat(run("chat", "--model", model, one[1], one[2])).isEqualTo(2);
            assertThat(err.lines()).singleElement().asString().contains(one[0]);
        }
        assertFails(3, "expected a language model", "chat", "--model", fixture("tiny-rm"));
        assertFails(3, "expected a Hugging Face model folder", "chat", "--model", model, "--against", "none");
    }

    @Test
    void aFullContextIsSaidAndNothingForgotten() {
        String model = fixture("tiny-llama");
        assertThat(chat("/set max_new_tokens 1024\nhello\nhello again\nand again\n", "--model", model, "--context", "60")).isEqualTo(3);
        assertThat(out.lines()).isNotEmpty();
        assertThat(err.lines().toList()).last().asString().contains("tokens, and a context of 60 leaves none for an answer, so that it is not sent", "/undo or /clear", "--context has up to 1024");
        assertThat(chat("/set max_new_tokens 1024\nhello\n", "--model", model, "--context", "60", "--temperature", "0")).isZero();
        assertThat(err).contains("[cut, for the context of 60 tokens is full; /undo");
        assertThat(chat("hello\n", "--model", model)).isZero();
        assertThat(err).contains("[cut at 12 tokens; /set max_new_tokens");
    }

    /** Without a template each message is gone on with by itself, as generate goes on with a plain prompt. */
    @Test
    void aModelWithoutATemplateGoesOnWithTheText() throws IOException {
        Path folder = Files.createDirectories(temp.resolve("plain"));
        try (var files = Files.list(Fixtures.path("tiny-llama"))) {
            for (Path file : files.filter(file -> !file.getFileName().toString().startsWith("chat_template")).toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        Path data = write("plain.jsonl", "{\"prompt\": \"Once upon\"}\n");
        assertThat(run(all(new String[] {"generate", "--model", folder.toString(), "--data", data.toString(), "--k", "1", "--greedy"}))).as(err).isZero();
        String expected = Json.parse(out, "generate").path("responses").path(0).asText();
        assertThat(said("Once upon\nOnce upon\n", "--model", folder.toString(), "--temperature", "0")).isEqualTo((expected + "\n").repeat(2));
        assertThat(chat("/system x\n", "--model", folder.toString())).isEqualTo(2);
        assertThat(err).contains("has no place for a system's text");
        InputStream before = System.in;
        System.setIn(InputStream.nullInputStream());
        try {
            assertThat(run("chat", "--model", folder.toString(), "--threads", "1")).isZero();
        } finally {
            System.setIn(before);
        }
        assertThat(err).contains("no chat template, so each message is a text that is gone on with");
        assertThat(out).isEmpty();
    }
}
