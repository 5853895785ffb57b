package org.metaapo.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.error.DataException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** Tokens of tokenizer_config.json beside those of tokenizer.json, against transformers. */
class AddedTokensTest {
    private static final int VOCABULARY = 483;

    @TempDir
    private Path temp;

    private Path folder(String config) throws IOException {
        Path folder = Files.createTempDirectory(temp, "tokenizer");
        Files.copy(Fixtures.path("tiny-qwen2/tokenizer.json"), folder.resolve("tokenizer.json"));
        Files.writeString(folder.resolve("tokenizer_config.json"), config);
        return folder;
    }

    private static JsonNode golden() {
        return Json.read(Fixtures.path("../tokenizers/added-tokens.json"));
    }

    @Test
    void idsAndSpecialTokensAreThoseOfTransformers() throws IOException {
        for (JsonNode each : golden()) {
            Path folder = folder(each.path("config").toString());
            ObjectNode stored = (ObjectNode) Json.read(folder.resolve("tokenizer.json"));
            Files.writeString(folder.resolve("tokenizer.json"), stored.set("added_tokens", each.path("added_tokens")).toString());
            try (Tokenizer tokenizer = Tokenizer.load(folder)) {
                int[] ids = tokenizer.encode(each.path("text").textValue());
                int[] expected = StreamSupport.stream(each.path("ids").spliterator(), false).mapToInt(JsonNode::intValue).toArray();
                assertThat(ids).as(each.path("name").asText()).isEqualTo(expected);
                assertThat(tokenizer.pieces(each.path("text").textValue()).ids()).isEqualTo(expected);
                assertThat(tokenizer.decode(ids, true)).as(each.path("name").asText()).isEqualTo(each.path("shown").textValue());
                assertThat(tokenizer.vocabularySize()).as(each.path("name").asText()).isEqualTo(each.path("size").intValue());
            }
        }
    }

    /** As with Llama 2, to which people add a padding token and leave the embedding as it is. */
    @Test
    void aSpecialTokenBeyondTheVocabularyIsFineWhereNoTextHasIt() throws IOException {
        Path folder = folder("{\"pad_token\": \"[PAD]\"}");
        try (Tokenizer tokenizer = Tokenizer.load(folder, VOCABULARY)) {
            assertThat(tokenizer.vocabularySize()).isEqualTo(VOCABULARY + 1);
            assertThat(tokenizer.encode("hi[PA")).isNotEmpty();
            assertThatThrownBy(() -> tokenizer.encode("hi[PAD]"))
                    .isInstanceOf(DataException.class)
                    .hasMessage("the token \"[PAD]\" (id 483) lies beyond the model's vocabulary of 483 tokens");
            assertThatThrownBy(() -> ChatFormat.load(folder, tokenizer, new int[] {483}, false))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("eos_token_id: the token \"[PAD]\" (id 483) lies beyond");
        }
        assertThatThrownBy(() -> Tokenizer.load(folder, 479))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("the tokenizer has ids up to 483, the model's vocabulary 479 tokens");
        Path words = folder("{\"added_tokens_decoder\": {\"483\": {\"content\": \"[X]\", \"special\": false}}}");
        assertThatThrownBy(() -> Tokenizer.load(words, VOCABULARY)).hasMessageContaining("has ids up to 483");
    }

    @Test
    void anIdThatTokenizerJsonContradictsIsRefused() throws IOException {
        for (String decoder : new String[] {
            "{\"490\": {\"content\": \"[X]\", \"special\": true}}", "{\"7\": {\"content\": \"<|im_end|>\", \"special\": true}}",
            "{\"x\": {\"content\": \"[X]\"}}", "{\"483\": \"[X]\"}"}) {
            assertThatThrownBy(() -> Tokenizer.load(folder("{\"added_tokens_decoder\": " + decoder + "}")))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("added_tokens_decoder");
        }
    }
}
