package org.metaapo.text;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/** A Hugging Face tokenizer: {@code tokenizer.json} with the tokens that {@code tokenizer_config.json} adds. */
public final class Tokenizer implements AutoCloseable {
    static {
        // Otherwise the library looks for a newer version of itself on the network.
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("RUST_FLAVOR", "cpu");
    }

    private static final Map<String, String> OPTIONS = Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false");

    /** Tokenizers in other files, which transformers turns into one that is read. */
    private static final Map<String, String> OTHERS = new TreeMap<>(Map.of(
            "tokenizer.model", "a SentencePiece or tiktoken model", "spiece.model", "a SentencePiece model",
            "sentencepiece.bpe.model", "a SentencePiece model", "vocab.json", "a vocabulary with its merges.txt",
            "vocab.txt", "a vocabulary of word pieces", "tekken.json", "Mistral's Tekken tokenizer"));

    private static final int REPEATED_CHARS = 64;
    private static final int REPEATED_TEXTS = 256;

    private final Path folder;
    private final Map<String, int[]> repeated = new ConcurrentHashMap<>();
    private final HuggingFaceTokenizer tokenizer;
    private final Map<String, Integer> vocabulary = new HashMap<>();
    private final Map<Integer, String> separators = new HashMap<>();
    private final JsonNode config;
    private JsonNode decoder;
    private final Map<Integer, String> specialTokens = new HashMap<>();
    private TokenBytes bytes;
    private int vocabularySize;
    private int modelVocabulary = Integer.MAX_VALUE;

    private Tokenizer(Path folder, HuggingFaceTokenizer tokenizer, JsonNode config) {
        this.folder = folder;
        this.tokenizer = tokenizer;
        this.config = config;
    }

    /**
     * Reads the tokenizer of a model folder.
     *
     * @throws DataException if a file is missing or broken
     */
    public static Tokenizer load(Path folder) {
        Path file = folder.resolve("tokenizer.json");
        if (!Files.isRegularFile(file)) {
            throw missing(folder, file);
        }
        Path configFile = folder.resolve("tokenizer_config.json");
        JsonNode config = Files.isRegularFile(configFile) ? Json.read(configFile) : Json.mapper().createObjectNode();
        JsonNode stored = Json.read(file);
        JsonNode json = AddedTokens.merged(stored, config, configFile);
        HuggingFaceTokenizer tokenizer;
        try (InputStream text = json == stored ? Files.newInputStream(file) : new ByteArrayInputStream(Json.mapper().writeValueAsBytes(json))) {
            tokenizer = HuggingFaceTokenizer.newInstance(text, OPTIONS);
        } catch (IOException | RuntimeException e) {
            throw new DataException(file + ": not a tokenizer: " + firstLine(e), e);
        }
        Tokenizer result = new Tokenizer(folder, tokenizer, config);
        result.readVocabulary(json);
        result.decoder = json.path("decoder");
        return result;
    }

    /**
     * As {@link #load(Path)}, for a model of so many ids: a text with an id beyond is refused. Special tokens may lie there, as a
     * padding token that was added to the tokenizer alone, for no row needs to have them.
     *
     * @throws DataException if other tokens lie there
     */
    public static Tokenizer load(Path folder, int vocabulary) {
        Tokenizer tokenizer = load(folder);
        try {
            tokenizer.fit(vocabulary);
            return tokenizer;
        } catch (DataException e) {
            tokenizer.close();
            throw e;
        }
    }

    private static DataException missing(Path folder, Path file) {
        for (Map.Entry<String, String> other : OTHERS.entrySet()) {
            if (Files.exists(folder.resolve(other.getKey()))) {
                return new DataException(file + ": not found, but " + other.getKey() + ", " + other.getValue() + ", which is not read; write tokenizer.json "
                        + "with transformers: AutoTokenizer.from_pretrained(\"" + folder + "\").save_pretrained(\"" + folder + "\")");
            }
        }
        return new DataException(file + ": not found; a model folder needs its tokenizer");
    }

    private static String firstLine(Exception e) {
        String message = String.valueOf(e.getMessage());
        int end = message.indexOf('\n');
        return end < 0 ? message : message.substring(0, end);
    }

    private void readVocabulary(JsonNode json) {
        AddedTokens.vocabulary(json).forEach(this::put);
        for (JsonNode token : json.path("added_tokens")) {
            put(token.path("content").asText(), token.path("id").asInt(-1));
            if (token.path("special").asBoolean()) {
                specialTokens.put(token.path("id").asInt(-1), token.path("content").asText());
                if (!token.path("normalized").asBoolean(true)) {
                    separators.put(token.path("id").asInt(-1), token.path("content").asText());
                }
            }
        }
    }

    private void put(String token, int id) {
        vocabulary.put(token, id);
        vocabularySize = Math.max(vocabularySize, id + 1);
    }

    /** The folder that it was read from. */
    public Path folder() {
        return folder;
    }

    /** {@code tokenizer_config.json}, empty where there is none. */
    JsonNode config() {
        return config;
    }

    /** Largest id plus one. */
    public int vocabularySize() {
        return vocabularySize;
    }

    private void fit(int vocabulary) {
        if (vocabulary < vocabularySize && this.vocabulary.values().stream().anyMatch(id -> id >= vocabulary && !isSpecial(id))) {
            throw new DataException(folder + ": the tokenizer has ids up to " + (vocabularySize - 1)
                    + ", the model's vocabulary " + vocabulary + " tokens");
        }
        modelVocabulary = vocabulary;
    }

    /** Id of a token as the vocabulary spells it, or -1. */
    public int id(String token) {
        return vocabulary.getOrDefault(token, -1);
    }

    /** Whether an id is a special token, such as BOS or the end of a turn. */
    public boolean isSpecial(int id) {
        return specialTokens.containsKey(id);
    }

    /** Special tokens as they are spelled in a text. */
    public Collection<String> specialTokens() {
        return Collections.unmodifiableCollection(specialTokens.values());
    }

    /** A special token by its key in {@code tokenizer_config.json}, such as {@code eos_token}; null where not set. */
    public String specialToken(String key) {
        JsonNode value = config.path(key);
        if (value.isTextual()) {
            return value.asText();
        }
        return value.path("content").isTextual() ? value.path("content").asText() : null;
    }

    /**
     * The text of a special token that is looked for before anything else, so that what lies on its two sides is tokenized
     * apart; null for other ids.
     */
    String separator(int id) {
        return separators.get(id);
    }

    /**
     * Token ids of a text; special tokens in it are recognised, none is added. Several threads may do so at once.
     *
     * @throws DataException if the text has a lone surrogate
     */
    public int[] encode(String text) {
        refuseLoneSurrogates(text);
        // Not by the library's own encode, which also makes the texts, places and masks of all tokens: a third of the time.
        long encoding = TokenizersLibrary.LIB.encode(tokenizer.getHandle(), text, false);
        try {
            return toInts(TokenizersLibrary.LIB.getTokenIds(encoding));
        } finally {
            TokenizersLibrary.LIB.deleteEncoding(encoding);
        }
    }

    /** As {@link #encode}, for texts that mostly come again, such as what a template writes before each answer. */
    int[] encodeRepeated(String text) {
        int[] known = repeated.get(text);
        if (known != null) {
            return known.clone();
        }
        int[] ids = encode(text);
        if (text.length() <= REPEATED_CHARS && repeated.size() < REPEATED_TEXTS) {
            repeated.put(text, ids.clone());
        }
        return ids;
    }

    private int[] toInts(long[] ids) {
        int[] result = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            result[i] = checked(Math.toIntExact(ids[i]));
        }
        return result;
    }

    /**
     * An id that the model has.
     *
     * @throws DataException if it lies beyond the vocabulary that {@link #load(Path, int)} was given
     */
    int checked(int id) {
        if (id >= modelVocabulary) {
            throw new DataException("the token " + Json.write(tokenizer.decode(new long[] {id}, false)) + " (id " + id
                    + ") lies beyond the model's vocabulary of " + modelVocabulary + " tokens");
        }
        return id;
    }

    /**
     * Tokens and the characters they stand for.
     *
     * @param ids token ids
     * @param starts first UTF-16 unit of each token
     * @param ends one past the last UTF-16 unit of each token
     */
    record Pieces(int[] ids, int[] starts, int[] ends) {}

    /** As {@link #encode}, with the place of each token in the text. */
    Pieces pieces(String text) {
        refuseLoneSurrogates(text);
        Encoding encoding = tokenizer.encode(text, false, false);
        int[] ids = toInts(encoding.getIds());
        CharSpan[] spans = encoding.getCharTokenSpans();
        int[] offsets = utf16Offsets(text);
        int[] starts = new int[ids.length];
        int[] ends = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            starts[i] = spans[i] == null ? 0 : offsets[spans[i].getStart()];
            ends[i] = spans[i] == null ? 0 : offsets[spans[i].getEnd()];
        }
        return new Pieces(ids, starts, ends);
    }

    /** The library counts code points. */
    private static int[] utf16Offsets(String text) {
        int[] offsets = new int[text.codePointCount(0, text.length()) + 1];
        for (int i = 1; i < offsets.length; i++) {
            offsets[i] = text.offsetByCodePoints(offsets[i - 1], 1);
        }
        return offsets;
    }

    private static void refuseLoneSurrogates(String text) {
        for (int i = 0; i < text.length(); i++) {
            boolean pair = i + 1 < text.length() && Character.isSurrogatePair(text.charAt(i), text.charAt(i + 1));
            if (pair) {
                i++;
            } else if (Character.isSurrogate(text.charAt(i))) {
                throw new DataException(String.format(
                        "text with a lone surrogate (\\u%04x at character %d), which is no Unicode text; repair it",
                        (int) text.charAt(i), i + 1));
            }
        }
    }

    /** The bytes that a token adds to a text, none for a special one. Not to be written to. Several threads may ask at once. */
    public byte[] bytes(int id) {
        return tokenBytes().of(id);
    }

    /** A token as the vocabulary spells it; null for an id that it has not. */
    public String spelled(int id) {
        return tokenBytes().spelled(id);
    }

    private synchronized TokenBytes tokenBytes() {
        if (bytes == null) {
            bytes = new TokenBytes(this, vocabulary, decoder);
        }
        return bytes;
    }

    /** The text of ids. */
    public String decode(int[] ids, boolean skipSpecialTokens) {
        return tokenizer.decode(Arrays.stream(ids).asLongStream().toArray(), skipSpecialTokens);
    }

    /** What ids add to the text of those before them. */
    public String decodeAfter(int[] before, int[] ids, boolean skipSpecialTokens) {
        int[] all = Arrays.copyOf(before, before.length + ids.length);
        System.arraycopy(ids, 0, all, before.length, ids.length);
        String text = decode(before, skipSpecialTokens);
        String whole = decode(all, skipSpecialTokens);
        if (whole.startsWith(text)) {
            return whole.substring(text.length());
        }
        // The last character before may need bytes of these ids.
        int same = 0;
        while (same < Math.min(text.length(), whole.length()) && text.charAt(same) == whole.charAt(same)) {
            same++;
        }
        return whole.substring(same);
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
