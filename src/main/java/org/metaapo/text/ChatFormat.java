package org.metaapo.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.metaapo.error.DataException;
import org.metaapo.files.Digests;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;
import org.metaapo.text.template.Rendering;
import org.metaapo.text.template.Template;

/**
 * Turns messages, or plain text, into token ids by a model's own template. The answer begins after the prompt's ids as generation
 * sees them, or by {@link ChatOptions.Boundary#COMMON}; a template whose prompt is no beginning of the whole text is an error.
 */
public final class ChatFormat {
    private final Tokenizer tokenizer;
    private final ChatTemplates templates;
    private final Map<String, Object> specials = new HashMap<>();
    private final ChatOptions options;
    private final int[] stopIds;

    private ChatFormat(Tokenizer tokenizer, ChatTemplates templates, int[] stopIds, ChatOptions options) {
        this.tokenizer = tokenizer;
        this.templates = templates;
        this.stopIds = stopIds.clone();
        this.options = options;
        for (String key : List.of("bos_token", "eos_token", "pad_token", "unk_token")) {
            String token = tokenizer.specialToken(key);
            if (token != null) {
                specials.put(key, token);
            }
        }
    }

    /** As {@link #load(Path, Tokenizer, int[], ChatOptions)} with the folder's default template. */
    public static ChatFormat load(Path folder, Tokenizer tokenizer, int[] stopIds, boolean keepTemplateTail) {
        return load(folder, tokenizer, stopIds, new ChatOptions(keepTemplateTail, null, false));
    }

    /**
     * The format of a model folder, with its chat templates: {@code chat_template.jinja} and
     * {@code additional_chat_templates/}, {@code chat_template.json}, or {@code chat_template} of
     * {@code tokenizer_config.json}; a folder without any formats plain text only.
     *
     * @param stopIds tokens that end an answer as the model's files say, which {@link StopTokens} adds to
     * @throws DataException if a template does not parse, or the one that the options name is not there; or if a stop token lies
     *     beyond the model's vocabulary
     */
    public static ChatFormat load(Path folder, Tokenizer tokenizer, int[] stopIds, ChatOptions options) {
        ChatTemplates templates = ChatTemplates.load(folder, tokenizer.config(), options.template());
        int[] said = StopTokens.said(stopIds, tokenizer);
        for (int stop : said) {
            try {
                tokenizer.checked(stop);
            } catch (DataException e) {
                throw new DataException(folder + ": eos_token_id: " + e.getMessage());
            }
        }
        ChatFormat format = new ChatFormat(tokenizer, templates, said, options);
        int end = StopTokens.endOfTurn(format);
        if (end < 0 || format.isStop(end)) {
            return format;
        }
        int[] stops = Arrays.copyOf(said, said.length + 1);
        stops[said.length] = end;
        return new ChatFormat(tokenizer, templates, stops, options);
    }

    /** Where tokenizer and templates lie. */
    public Path folder() {
        return tokenizer.folder();
    }

    /**
     * All that the ids of a text depend on, as lines: digests of the folder's JSON and template files, stop ids, and what is kept.
     * A template that writes today's date depends on the day too.
     */
    public List<String> identity() {
        List<String> lines = new ArrayList<>();
        try (Stream<Path> files = Files.walk(tokenizer.folder(), 2)) {
            files.filter(file -> file.toString().matches(".*\\.(json|jinja)")).filter(Files::isRegularFile).sorted()
                    .forEach(file -> lines.add(tokenizer.folder().relativize(file) + " " + Digests.sha256(file)));
        } catch (IOException e) {
            throw FileFailures.reading(tokenizer.folder(), e);
        }
        lines.add(Arrays.toString(stopIds) + " " + options);
        return lines;
    }

    /** Tokens that end an answer. */
    public int[] stopIds() {
        return stopIds.clone();
    }

    /** Whether there is a chat template. */
    public boolean hasTemplate() {
        return !templates.isEmpty();
    }

    /** Whether a name stands in any of the templates. */
    public boolean templateMentions(String name) {
        return templates.mention(name);
    }

    /** The template of conversations without tools; null where there is none. */
    public String templateText() {
        return hasTemplate() ? templates.choose(false).source() : null;
    }

    /** The tokenizer beneath. */
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The text of a conversation. */
    public String render(Conversation conversation, boolean addGenerationPrompt) {
        return renderMarked(conversation, addGenerationPrompt).text();
    }

    private Rendering renderMarked(Conversation conversation, boolean addGenerationPrompt) {
        Map<String, Object> variables = new HashMap<>(specials);
        variables.putAll(conversation.variables());
        variables.put("messages", conversation.turns().stream().map(Message::forTemplate).toList());
        variables.put("tools", conversation.tools());
        variables.put("documents", conversation.documents());
        variables.put("add_generation_prompt", addGenerationPrompt);
        Rendering rendering = templates.choose(conversation.tools() != null).renderMarked(variables);
        for (Message turn : conversation.turns()) {
            if (turn.fields().get("content") instanceof List<?> parts && rendering.text().contains(Template.written(parts))) {
                throw new DataException("the template does not read a content of parts, and writes it as the list that it is: "
                        + shortened(Template.written(parts)) + "; write the content as a text");
            }
        }
        return rendering;
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
    public EncodedAnswer encode(Conversation prompt, Answer answer) {
        return encode(prompt, List.of(answer)).get(0);
    }

    /** Several answers to one conversation, whose prompt is rendered and tokenized once. */
    public List<EncodedAnswer> encode(Conversation prompt, List<Answer> answers) {
        if (options.markedOnly()) {
            return answers.stream().map(answer -> marked(prompt.answered(answer))).toList();
        }
        String promptText = render(prompt, true);
        List<String> texts = new ArrayList<>();
        for (Answer answer : answers) {
            String text = render(prompt.answered(answer), false);
            if (!text.startsWith(promptText) && options.boundary() == ChatOptions.Boundary.PROMPT) {
                throw new DataException("the template does not keep the prompt: with the answer the text begins "
                        + shown(text, promptText) + ", the generation prompt ends " + tail(promptText) + "; ways out: "
                        + String.join("; ", new PrefixRepair(this::render, templates.choose(prompt.tools() != null)).ways(prompt, answer)));
            }
            texts.add(text);
        }
        return split(promptText, texts, answers);
    }

    /** A plain answer: prompt, answer, one EOS. */
    public EncodedAnswer encodePlain(String prompt, String answer) {
        return encodePlain(prompt, List.of(answer)).get(0);
    }

    /** Several plain answers to one prompt, which is tokenized once. */
    public List<EncodedAnswer> encodePlain(String prompt, List<String> answers) {
        if (options.markedOnly()) {
            throw new DataException("data.loss: generation needs conversations, found a plain prompt; use data.loss: answer");
        }
        String eos = tokenizer.specialToken("eos_token");
        String promptText = plainPrompt(prompt);
        List<String> texts = answers.stream()
                .map(answer -> promptText + answer + (eos == null || answer.endsWith(eos) ? "" : eos)).toList();
        return split(promptText, texts, answers.stream().map(Answer::of).toList());
    }

    /** A conversation of which the template marks what is to be learnt. A token counts when it has a marked character. */
    private EncodedAnswer marked(Conversation conversation) {
        Rendering rendering = renderMarked(conversation, false);
        if (rendering.unplaced() != null) {
            throw new DataException("data.loss: generation: the template's generation block at " + rendering.unplaced()
                    + " stands inside of a macro, set or filter block, so that its place in the text is not known; "
                    + "move it out, or use data.loss: answer");
        }
        Tokenizer.Pieces pieces = tokenizer.pieces(rendering.text());
        boolean[] trained = new boolean[pieces.ids().length];
        int first = trained.length;
        int end = 0;
        for (int i = 0; i < trained.length; i++) {
            int token = i;
            trained[i] = rendering.generated().stream()
                    .anyMatch(span -> pieces.starts()[token] < span.end() && pieces.ends()[token] > span.start());
            first = trained[i] ? Math.min(first, i) : first;
            end = trained[i] ? i + 1 : end;
        }
        if (first == 0 || end == 0) {
            throw new DataException("data.loss: generation: the template marks " + (end == 0 ? "no token" : "the first token")
                    + " of the conversation as the assistant's; it needs {% generation %} blocks around what the assistant "
                    + "writes; or use data.loss: answer");
        }
        return new EncodedAnswer(
                Arrays.copyOf(pieces.ids(), first), Arrays.copyOfRange(pieces.ids(), first, end), rendering.text(),
                Arrays.copyOfRange(trained, first, end), 0);
    }

    /** Ids of a whole conversation, as a reward model reads it. */
    public int[] encodeConversation(Conversation conversation) {
        int[] ids = tokenizer.encode(render(conversation, false));
        return options.keepTemplateTail() ? ids : Arrays.copyOf(ids, end(ids, 0));
    }

    /** Parts the texts of prompt and answer, each of which begins with the prompt's, or with as much of it as the boundary asks for. */
    private List<EncodedAnswer> split(String promptText, List<String> texts, List<Answer> answers) {
        PromptTokens prompt = PromptTokens.of(tokenizer, promptText);
        int[] promptIds = prompt.ids();
        int[][] whole = new int[texts.size()][];
        int[] parted = new int[texts.size()];
        int most = 0;
        for (int i = 0; i < whole.length; i++) {
            String text = texts.get(i);
            whole[i] = text.startsWith(promptText) ? prompt.continued(text) : tokenizer.encode(text);
            int common = Arrays.mismatch(promptIds, whole[i]);
            parted[i] = common >= 0 && common < promptIds.length ? promptIds.length - common : 0;
            most = Math.max(most, parted[i]);
        }
        boolean keeps = options.boundary() == ChatOptions.Boundary.PROMPT;
        int[] before = keeps ? promptIds : Arrays.copyOf(promptIds, promptIds.length - most);
        List<EncodedAnswer> encoded = new ArrayList<>();
        for (int i = 0; i < whole.length; i++) {
            int[] ids = whole[i];
            int from = before.length;
            if (keeps && parted[i] > 0) {
                ids = prompt.rest(texts.get(i));
                from = 0;
            }
            encoded.add(new EncodedAnswer(before, answerIds(ids, from, answers.get(i)), texts.get(i), null, parted[i]));
        }
        return encoded;
    }

    /**
     * Ids of the answer, with exactly one stop token: what the template writes after it is cut, unless it is to be kept,
     * and a template that writes none gets the tokenizer's own. An answer of several turns keeps those between them.
     */
    private int[] answerIds(int[] ids, int from, Answer answer) {
        int tail = ids.length;
        while (tail > from && (isStop(ids[tail - 1]) || tokenizer.decode(new int[] {ids[tail - 1]}, true).isBlank())) {
            tail--;
        }
        for (int i = from; i < tail && !options.keepTemplateTail(); i++) {
            if (isStop(ids[i])) {
                refuseInText(tokenizer.decode(new int[] {ids[i]}, false), answer);
            }
        }
        int stop = tail;
        while (stop < ids.length && !isStop(ids[stop])) {
            stop++;
        }
        if (stop < ids.length) {
            return Arrays.copyOfRange(ids, from, options.keepTemplateTail() ? ids.length : stop + 1);
        }
        if (stopIds.length == 0) {
            return Arrays.copyOfRange(ids, from, ids.length);
        }
        int[] ended = Arrays.copyOfRange(ids, from, ids.length + 1);
        ended[ended.length - 1] = endId();
        return ended;
    }

    /** A stop token before the end is the template's, after a turn or a part of one, or stands in the data, which is wrong. */
    private static void refuseInText(String stop, Answer answer) {
        for (Message turn : answer.turns()) {
            if (turn.shown().contains(stop)) {
                throw new DataException("the answer contains the token that ends it, " + Json.write(stop)
                        + ", before its end; remove it from the text");
            }
        }
    }

    private boolean isStop(int id) {
        // Asked for every token of every answer: a stream here costs a fortieth of all preparation.
        for (int stop : stopIds) {
            if (stop == id) {
                return true;
            }
        }
        return false;
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

    /**
     * The text of a sampled answer: what it adds to the decoded prompt. A decoder may treat a text's first token in its own way, as
     * SentencePiece's takes a blank off it.
     *
     * @param stopped whether the answer ends with a stop token, which is left out
     */
    public String answerText(int[] prompt, int[] answer, boolean stopped) {
        return tokenizer.decodeAfter(prompt, stopped ? Arrays.copyOf(answer, answer.length - 1) : answer, true);
    }

    private static String shortened(String text) {
        return Json.write(text.length() <= 40 ? text : text.substring(0, 40) + "…");
    }

    private static String tail(String text) {
        return Json.write(text.substring(Math.max(0, text.length() - 40)));
    }

    private static String shown(String text, String promptText) {
        int at = 0;
        while (at < text.length() && at < promptText.length() && text.charAt(at) == promptText.charAt(at)) {
            at++;
        }
        return Json.write(text.substring(Math.max(0, at - 20), Math.min(text.length(), at + 20)));
    }
}
