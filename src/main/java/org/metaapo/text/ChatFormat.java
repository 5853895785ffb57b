package org.metaapo.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.error.DataException;
import org.metaapo.files.StrictText;
import org.metaapo.text.template.Template;

/**
 * Turns messages, or plain text, into token ids by a model's own template. Prompt ids are always a prefix of the ids of prompt
 * and answer; a row for which that cannot be is an error.
 */
public final class ChatFormat {
    private final Tokenizer tokenizer;
    private final Template template;
    private final Map<String, Object> specials = new HashMap<>();
    private final boolean keepTemplateTail;
    private final int[] stopIds;

    private ChatFormat(Tokenizer tokenizer, Template template, int[] stopIds, boolean keepTemplateTail) {
        this.tokenizer = tokenizer;
        this.template = template;
        this.stopIds = stopIds.clone();
        this.keepTemplateTail = keepTemplateTail;
        for (String key : List.of("bos_token", "eos_token", "pad_token", "unk_token")) {
            String token = tokenizer.specialToken(key);
            if (token != null) {
                specials.put(key, token);
            }
        }
    }

    /**
     * The format of a model folder: {@code chat_template.jinja}, or {@code chat_template} of
     * {@code tokenizer_config.json}; a folder without either formats plain text only.
     *
     * @param stopIds tokens that end an answer
     * @param keepTemplateTail keep what a template writes after the last stop token
     * @throws DataException if the template does not parse
     */
    public static ChatFormat load(Path folder, Tokenizer tokenizer, int[] stopIds, boolean keepTemplateTail) {
        Path file = folder.resolve("chat_template.jinja");
        Template template = null;
        if (Files.isRegularFile(file)) {
            template = Template.parse(file.toString(), StrictText.read(file));
        } else {
            String source = templateOf(tokenizer.config().path("chat_template"));
            if (source != null) {
                template = Template.parse(folder.resolve("tokenizer_config.json") + ", chat_template", source);
            }
        }
        int[] stops = stopIds;
        String eos = tokenizer.specialToken("eos_token");
        if (stops.length == 0 && eos != null && tokenizer.id(eos) >= 0) {
            stops = new int[] {tokenizer.id(eos)};
        }
        return new ChatFormat(tokenizer, template, stops, keepTemplateTail);
    }

    /** A template as text, or "default" of a list of named ones. */
    private static String templateOf(JsonNode node) {
        if (node.isTextual()) {
            return node.asText();
        }
        for (JsonNode named : node) {
            if (named.path("name").asText().equals("default")) {
                return named.path("template").asText();
            }
        }
        return null;
    }

    /** Tokens that end an answer. */
    public int[] stopIds() {
        return stopIds.clone();
    }

    /** Whether there is a chat template. */
    public boolean hasTemplate() {
        return template != null;
    }

    /** The tokenizer beneath. */
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The text of a conversation. */
    public String render(Conversation conversation, boolean addGenerationPrompt) {
        if (template == null) {
            throw new DataException(tokenizer.folder() + ": no chat template, and the data are conversations; "
                    + "add chat_template.jinja, or use plain prompts");
        }
        Map<String, Object> variables = new HashMap<>(specials);
        variables.put("messages", conversation.turns().stream().map(Message::fields).toList());
        variables.put("tools", conversation.tools());
        variables.put("documents", conversation.documents());
        variables.put("add_generation_prompt", addGenerationPrompt);
        return template.render(variables);
    }

    /** Ids of a prompt that the model is to answer. */
    public int[] encodePrompt(Conversation prompt) {
        return tokenizer.encode(render(prompt, true));
    }

    /** Ids of a plain prompt: BOS where the tokenizer has one, and the text. */
    public int[] encodePlainPrompt(String prompt) {
        return tokenizer.encode(plainPrompt(prompt));
    }

    /** The text of a plain prompt, with BOS where the tokenizer has one. */
    public String plainPrompt(String prompt) {
        return plainPrefix(prompt) + prompt;
    }

    private String plainPrefix(String prompt) {
        String bos = tokenizer.specialToken("bos_token");
        return bos == null || prompt.startsWith(bos) || Boolean.FALSE.equals(addsBos()) ? "" : bos;
    }

    private Boolean addsBos() {
        JsonNode node = tokenizer.config().path("add_bos_token");
        return node.isBoolean() ? node.asBoolean() : null;
    }

    /** An answer in its conversation, as the template writes both. */
    public EncodedAnswer encode(Conversation prompt, String answer) {
        return encode(prompt, List.of(answer)).get(0);
    }

    /** Several answers to one conversation, whose prompt is rendered and tokenized once. */
    public List<EncodedAnswer> encode(Conversation prompt, List<String> answers) {
        String promptText = render(prompt, true);
        PromptTokens tokens = PromptTokens.of(tokenizer, promptText);
        List<EncodedAnswer> encoded = new ArrayList<>();
        for (String answer : answers) {
            String text = render(prompt.answered(answer), false);
            if (!text.startsWith(promptText)) {
                throw new DataException("the template does not keep the prompt: with the answer the text begins \""
                        + shown(text, promptText) + "\", the generation prompt ends \"" + tail(promptText) + "\"");
            }
            encoded.add(split(tokens, text));
        }
        return encoded;
    }

    /** A plain answer: prompt, answer, one EOS. */
    public EncodedAnswer encodePlain(String prompt, String answer) {
        return encodePlain(prompt, List.of(answer)).get(0);
    }

    /** Several plain answers to one prompt, which is tokenized once. */
    public List<EncodedAnswer> encodePlain(String prompt, List<String> answers) {
        String eos = tokenizer.specialToken("eos_token");
        String promptText = plainPrompt(prompt);
        PromptTokens tokens = PromptTokens.of(tokenizer, promptText);
        List<EncodedAnswer> encoded = new ArrayList<>();
        for (String answer : answers) {
            String end = eos == null || answer.endsWith(eos) ? "" : eos;
            encoded.add(split(tokens, promptText + answer + end));
        }
        return encoded;
    }

    /** Ids of a whole conversation, as a reward model reads it. */
    public int[] encodeConversation(Conversation conversation) {
        int[] ids = tokenizer.encode(render(conversation, false));
        return keepTemplateTail ? ids : Arrays.copyOf(ids, end(ids, 0));
    }

    private EncodedAnswer split(PromptTokens prompt, String text) {
        int[] promptIds = prompt.ids();
        int[] ids = prompt.continued(text);
        int common = Arrays.mismatch(promptIds, ids);
        if (common >= 0 && common < promptIds.length) {
            int[] around = Arrays.copyOfRange(ids, Math.max(0, common - 1), Math.min(ids.length, common + 2));
            throw new DataException("the prompt's tokens are not a prefix of prompt and answer: they part at token " + common
                    + " (\"" + tokenizer.decode(around, false) + "\"); a prompt must not end within a token of the answer, "
                    + "as with a space at its end");
        }
        return new EncodedAnswer(promptIds, answerIds(ids, promptIds.length), text);
    }

    /**
     * Ids of the answer, with exactly one stop token: what the template writes after it is cut, unless it is to be kept,
     * and a template that writes none gets the tokenizer's own.
     */
    private int[] answerIds(int[] ids, int from) {
        int tail = ids.length;
        while (tail > from && (isStop(ids[tail - 1]) || tokenizer.decode(new int[] {ids[tail - 1]}, true).isBlank())) {
            tail--;
        }
        for (int i = from; i < tail && !keepTemplateTail; i++) {
            if (isStop(ids[i])) {
                throw new DataException("the answer contains the token that ends it, \""
                        + tokenizer.decode(new int[] {ids[i]}, false) + "\", before its end; remove it from the text");
            }
        }
        int stop = tail;
        while (stop < ids.length && !isStop(ids[stop])) {
            stop++;
        }
        if (stop < ids.length) {
            return Arrays.copyOfRange(ids, from, keepTemplateTail ? ids.length : stop + 1);
        }
        if (stopIds.length == 0) {
            return Arrays.copyOfRange(ids, from, ids.length);
        }
        int[] ended = Arrays.copyOfRange(ids, from, ids.length + 1);
        ended[ended.length - 1] = endId();
        return ended;
    }

    private boolean isStop(int id) {
        return Arrays.stream(stopIds).anyMatch(stop -> stop == id);
    }

    private int endId() {
        String eos = tokenizer.specialToken("eos_token");
        int id = eos == null ? -1 : tokenizer.id(eos);
        return isStop(id) ? id : stopIds[0];
    }

    /** Where the ids end when what follows the last stop token is cut. */
    private int end(int[] ids, int from) {
        for (int i = ids.length - 1; i >= from; i--) {
            if (isStop(ids[i])) {
                return i + 1;
            }
        }
        return ids.length;
    }

    private static String tail(String text) {
        return text.substring(Math.max(0, text.length() - 40));
    }

    private static String shown(String text, String promptText) {
        int at = 0;
        while (at < text.length() && at < promptText.length() && text.charAt(at) == promptText.charAt(at)) {
            at++;
        }
        return text.substring(Math.max(0, at - 20), Math.min(text.length(), at + 20));
    }
}
