package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.metaapo.files.Fixtures;

/** Bad data as a user meets it: {@code metaapo train} ends with status 3 and one line, before it makes its folder or reads a weight. */
class BadDataTest extends CommandTest {
    private static final String PAIR = "{\"prompt\": \"p\", \"chosen\": \"c\", \"rejected\": \"r\"}\n";
    private static final String TURNS = "{\"prompt\": [{\"role\": \"user\", \"content\": \"p\"}], \"chosen\": \"c\", \"rejected\": \"r\"}\n";

    private void stops(Path model, Path data, String words) throws IOException {
        Path config = write("run.yaml", "recipe: dpo\nout: " + temp.resolve("run") + "\nmodel: {path: " + model + "}\ndata: {train: [" + data + "]}\n");
        assertFails(3, words, "train", config.toString(), "--quiet");
        assertThat(err).contains(data.getFileName().toString());
        assertThat(temp.resolve("run")).doesNotExist();
    }

    private void stops(Path data, String words) throws IOException {
        stops(Fixtures.path("tiny-llama"), data, words);
    }

    private Path bytes(String name, byte[] bytes) throws IOException {
        return Files.write(temp.resolve(name), bytes);
    }

    @Test
    void damagedTextsAndRows() throws IOException {
        byte[] broken = (PAIR + PAIR).getBytes(StandardCharsets.UTF_8);
        broken[PAIR.length() + 13] = (byte) 0xff;
        stops(bytes("utf8.jsonl", broken), "utf8.jsonl, line 2, byte column 14: not UTF-8");
        stops(write("mark.jsonl", "\ufeff" + PAIR), "byte-order mark");
        stops(write("surrogate.jsonl", PAIR + PAIR.replace("\"p\"", "\"\\ud800\"")), "surrogate.jsonl:2: prompt: character 1 is the lone surrogate U+D800");
        stops(write("null.jsonl", PAIR + PAIR.replace("\"c\"", "null")), "null.jsonl:2: chosen: expected a text");
        stops(write("number.jsonl", PAIR + PAIR.replace("\"p\"", "3")), "number.jsonl:2: prompt: expected a text");
        stops(write("mixed.jsonl", PAIR + "{\"messages\": []}\n"), "mixed.jsonl:2: ");
        stops(write("empty.jsonl", ""), "no rows");
        stops(write("list.json", "[" + PAIR + ", {\"prompt\": \"p]"), "list.json, element 2: not valid JSON: the list does not end");
    }

    @Test
    void aPipeByItsName() throws Exception {
        Path pipe = temp.resolve("pipe.jsonl");
        assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
        stops(pipe, "not a file, which could be read again");
        assertFails(3, "not a file, which could be read again", "score", "--model", Fixtures.path("tiny-llama").toString(), "--data", pipe.toString());
    }

    @Test
    void longLinesAndCutFiles() throws IOException {
        Path line = temp.resolve("line.jsonl");
        byte[] part = new byte[1 << 20];
        Arrays.fill(part, (byte) 'x');
        try (OutputStream out = Files.newOutputStream(line)) {
            for (int i = 0; i < 20; i++) {
                out.write(part);
            }
        }
        stops(line, "line.jsonl:1: a line of more than 16 MiB");
        byte[] parquet = Files.readAllBytes(Path.of("examples/data/pairs.parquet"));
        stops(bytes("cut.parquet", Arrays.copyOf(parquet, parquet.length - 9)), "cut.parquet");
    }

    @Test
    void templatesThatLoopOrReachOutside() throws IOException {
        Path model = Files.createDirectories(temp.resolve("model"));
        try (var files = Files.list(Fixtures.path("tiny-llama"))) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        Path rows = write("rows.jsonl", TURNS);
        Files.writeString(model.resolve("chat_template.jinja"), "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}");
        stops(model, rows, "rows.jsonl:1: ");
        assertThat(err).contains("steps");
        Files.writeString(model.resolve("chat_template.jinja"), "{{ messages.__class__.__mro__[1].__subclasses__() }}");
        stops(model, rows, "rows.jsonl:1: ");
    }
}
