package org.metaapo.text;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.files.Json;

/**
 * Token ids against those of transformers, which {@code src/test/python/make_tokenizer_golden.py} wrote: byte-level BPE with
 * the patterns of Llama-3 and Qwen2.5 (NFC), and BPE over ▁ with bytes for unknown characters, as Llama-2 and Mistral have it.
 */
class GoldenTokenizerTest {
    private static Path folder(String name) {
        try {
            return Path.of(GoldenTokenizerTest.class.getResource("/tokenizers/" + name).toURI());
        } catch (URISyntaxException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static int[] ids(JsonNode array) {
        int[] ids = new int[array.size()];
        Arrays.setAll(ids, i -> array.get(i).asInt());
        return ids;
    }

    private static List<Message> turns(JsonNode messages) throws IOException {
        List<Message> turns = new ArrayList<>();
        for (JsonNode message : messages) {
            Map<String, Object> fields =
                    Json.mapper().readerForMapOf(Object.class).with(DeserializationFeature.USE_LONG_FOR_INTS).readValue(message);
            turns.add(new Message(message.path("role").asText(), message.path("content").asText(), fields));
        }
        return turns;
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-3", "qwen2.5", "legacy", "mistral"})
    void idsOfTextsAreThoseOfTransformers(String name) {
        List<String> texts = new ArrayList<>();
        List<int[]> wanted = new ArrayList<>();
        for (JsonNode each : Json.read(folder(name).resolve("golden.json")).path("texts")) {
            texts.add(each.path("text").textValue());
            wanted.add(ids(each.path("ids")));
        }
        try (Tokenizer tokenizer = Tokenizer.load(folder(name))) {
            List<int[]> together = texts.parallelStream().map(tokenizer::encode).toList();
            for (int i = 0; i < texts.size(); i++) {
                assertThat(tokenizer.encode(texts.get(i))).as(texts.get(i)).containsExactly(wanted.get(i));
                assertThat(together.get(i)).as(texts.get(i)).containsExactly(wanted.get(i));
            }
        }
    }

    /** Several turns and system messages; the last assistant's turn is the answer. */
    @ParameterizedTest
    @ValueSource(strings = {"llama-3", "qwen2.5", "legacy", "mistral"})
    void conversationsAreSplitWhereTransformersWouldGoOn(String name) throws IOException {
        try (Tokenizer tokenizer = Tokenizer.load(folder(name))) {
            ChatFormat format = ChatFormat.load(folder(name), tokenizer, new int[0], false);
            int stop = format.stopIds()[0];
            for (JsonNode chat : Json.read(folder(name).resolve("golden.json")).path("chats")) {
                List<Message> turns = turns(chat.path("messages"));
                Conversation prompt = new Conversation(turns.subList(0, turns.size() - 1));
                EncodedAnswer encoded = format.encode(prompt, new Answer(List.of(turns.get(turns.size() - 1))));
                int[] all = ids(chat.path("ids"));
                int split = chat.path("prompt_tokens").intValue();
                int end = all.length;
                while (all[end - 1] != stop) {
                    end--;
                }
                assertThat(encoded.promptIds()).containsExactly(Arrays.copyOf(all, split));
                assertThat(encoded.answerIds()).as(encoded.text()).containsExactly(Arrays.copyOfRange(all, split, end));
                assertThat(format.encodePrompt(prompt)).containsExactly(encoded.promptIds());
            }
        }
    }

    @Test
    void markedTokensAreThoseOfTransformersMask() throws IOException {
        try (Tokenizer tokenizer = Tokenizer.load(folder("qwen2.5"))) {
            ChatFormat format = ChatFormat.load(folder("qwen2.5"), tokenizer, new int[0], new ChatOptions(false, null, true));
            for (JsonNode chat : Json.read(folder("qwen2.5").resolve("golden.json")).path("chats")) {
                List<Message> turns = turns(chat.path("messages"));
                EncodedAnswer encoded = format.encode(
                        new Conversation(turns.subList(0, turns.size() - 1)), new Answer(List.of(turns.get(turns.size() - 1))));
                int[] all = ids(chat.path("ids"));
                int[] mask = ids(chat.path("mask"));
                int first = encoded.promptIds().length;
                int[] found = new int[all.length];
                for (int i = 0; i < encoded.trained().length; i++) {
                    assertThat(encoded.answerIds()[i]).isEqualTo(all[first + i]);
                    found[first + i] = encoded.trained()[i] ? 1 : 0;
                }
                assertThat(found).containsExactly(mask);
                assertThat(encoded.trained()[0]).isTrue();
            }
        }
    }
}
