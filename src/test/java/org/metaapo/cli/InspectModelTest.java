package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** What {@code metaapo inspect --check} finds of a model that does not go with the data: its tokenizer, or what it says. */
class InspectModelTest extends CommandTest {
    private static final int EOT = 484;

    private Path model() throws IOException {
        Path folder = Files.createTempDirectory(temp, "model");
        try (var files = Files.list(Fixtures.path("tiny-llama"))) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        return folder;
    }

    private int check(Path model, String... more) {
        String[] arguments = {"inspect", "--model", model.toString(), "--data", temp.resolve("rows.jsonl").toString(), "--check", "--quiet"};
        String[] all = java.util.Arrays.copyOf(arguments, arguments.length + more.length);
        System.arraycopy(more, 0, all, arguments.length, more.length);
        return run(all);
    }

    private static String pair(String prompt, String chosen, String rejected) {
        return Json.write(java.util.Map.of("prompt", prompt, "chosen", chosen, "rejected", rejected)) + "\n";
    }

    @Test
    void textThatTheTokenizerCannotSpell() throws IOException {
        Path folder = model();
        ObjectNode tokenizer = (ObjectNode) Json.read(folder.resolve("tokenizer.json"));
        ObjectNode bpe = (ObjectNode) tokenizer.get("model");
        ObjectNode vocabulary = (ObjectNode) bpe.get("vocab");
        vocabulary.put("<unk>", vocabulary.remove("z").asInt());
        bpe.put("unk_token", "<unk>").put("ignore_merges", false).putArray("merges");
        Files.writeString(folder.resolve("tokenizer.json"), Json.write(tokenizer));
        ObjectNode config = (ObjectNode) Json.read(folder.resolve("tokenizer_config.json"));
        Files.writeString(folder.resolve("tokenizer_config.json"), Json.write(config.put("unk_token", "<unk>")));
        write("rows.jsonl", pair("One", "Yes.", "No.") + pair("A puzzle", "Yes.", "No.") + pair("Two", "Yes.", "No."));
        assertThat(check(folder)).as(err + out).isZero();
        assertThat(out).contains("! unknown-tokens  ", "1 of 3 rows (33.3 %) have text that the tokenizer cannot spell", "rows.jsonl:2");
        write("rows.jsonl", pair("One", "Yes.", "No.") + pair("Two", "Yes.", "No."));
        assertThat(check(folder)).as(err + out).isZero();
        assertThat(out).doesNotContain("unknown-tokens");
    }

    /**
     * A model that gives every token the same logit, 0, but the end of a turn its own: channel 0 of all embeddings is so large that the
     * last norm makes it √64 = 8 everywhere, and the other channels are not looked at.
     */
    private Path modelWithLogitOfTheEnd(double logit) throws IOException {
        Path folder = model();
        Path weights = folder.resolve("model.safetensors");
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(weights)).order(ByteOrder.LITTLE_ENDIAN);
        int start = 8 + (int) bytes.getLong(0);
        JsonNode tensors = Json.parse(new String(bytes.array(), 8, start - 8, StandardCharsets.UTF_8), "header");
        int hidden = tensors.at("/lm_head.weight/shape/1").asInt();
        int vocabulary = tensors.at("/lm_head.weight/shape/0").asInt();
        int embedding = start + tensors.at("/model.embed_tokens.weight/data_offsets/0").asInt();
        int norm = start + tensors.at("/model.norm.weight/data_offsets/0").asInt();
        int head = start + tensors.at("/lm_head.weight/data_offsets/0").asInt();
        for (int token = 0; token < vocabulary; token++) {
            bytes.putFloat(embedding + 4 * token * hidden, 1e4f);
            for (int channel = 0; channel < hidden; channel++) {
                boolean end = token == EOT && channel == 0;
                bytes.putFloat(head + 4 * (token * hidden + channel), end ? (float) (logit / Math.sqrt(hidden)) : 0);
            }
        }
        for (int channel = 0; channel < hidden; channel++) {
            bytes.putFloat(norm + 4 * channel, channel == 0 ? 1 : 0);
        }
        Files.write(weights, bytes.array());
        return folder;
    }

    @Test
    void answersAndEndsThatTheModelFindsLessLikelyThanAGuess() throws IOException {
        write("rows.jsonl", pair("One", "An answer of some more tokens, and of words.", "Another answer of tokens, and of other words."));
        assertThat(check(modelWithLogitOfTheEnd(0), "--step0", "--dtype", "f32")).as(err + out).isZero();
        assertThat(out).contains("plain-prompts").doesNotContain("unlikely");
        assertThat(check(modelWithLogitOfTheEnd(-2), "--step0", "--dtype", "f32")).as(err + out).isZero();
        double end = -2 - Math.log(484 + Math.exp(-2));
        assertThat(out).contains("! unlikely-end  ", String.format(java.util.Locale.ROOT, "ends the answers %.2f, less than a guess would get (-6.18)", end))
                .doesNotContain("unlikely-answers");
        assertThat(check(modelWithLogitOfTheEnd(8), "--step0", "--dtype", "f32")).as(err + out).isEqualTo(3);
        assertThat(err).isEqualTo("metaapo: the check failed: unlikely-answers\n");
        assertThat(out).contains("✗ unlikely-answers  ", "less than a guess among all tokens would get (-6.18)", "check that template and tokenizer")
                .doesNotContain("unlikely-end");
    }
}
