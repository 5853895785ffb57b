package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.metaapo.files.Digests;
import org.metaapo.files.Json;
import org.metaapo.text.Answer;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;

/**
 * A row's texts and numbers as bytes, for a {@link RowStore}; id and source lie in its index. A text is its UTF-8 bytes after their
 * count, for texts as JSON take twenty times as long to write; what only a template knows (a turn's other fields, tools,
 * documents) is JSON. Big-endian; a count of {@link #NONE} stands for what is not there.
 *
 * <pre>
 * prompt: plain (1): its text; or a conversation (0): number of turns (4), each with role, content, fields or none;
 *         tools, documents; then the template's variables, none where there are none
 * chosen, rejected, online_chosen, online_rejected: number of turns (4), each as the prompt's; 0 with a text for a plain one
 * score_chosen, score_rejected: there or not (1), number (8)
 * label: there or not (1), value (1)
 * responses: number (4), each as chosen
 * </pre>
 */
final class RowCodec {
    private static final int NONE = -1;

    private RowCodec() {}

    /**
     * A row as bytes.
     *
     * @param bytes what {@link RowCodec#decode} reads
     * @param promptDigest as {@link RowCodec#promptDigest} gives it
     */
    record Encoded(byte[] bytes, String promptDigest) {}

    static Encoded encode(Row row) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            prompt(out, row.prompt());
            int promptBytes = bytes.size();
            for (Answer answer : Arrays.asList(row.chosen(), row.rejected(), row.onlineChosen(), row.onlineRejected())) {
                answer(out, answer);
            }
            for (Double score : Arrays.asList(row.scoreChosen(), row.scoreRejected())) {
                out.writeBoolean(score != null);
                out.writeDouble(score == null ? 0 : score);
            }
            out.writeBoolean(row.label() != null);
            out.writeBoolean(Boolean.TRUE.equals(row.label()));
            out.writeInt(row.responses() == null ? NONE : row.responses().size());
            for (Answer response : row.responses() == null ? List.<Answer>of() : row.responses()) {
                answer(out, response);
            }
            byte[] all = bytes.toByteArray();
            return new Encoded(all, digest(Arrays.copyOf(all, promptBytes)));
        } catch (IOException e) {
            throw new UncheckedIOException("memory can be written", e);
        }
    }

    /** What tells prompts apart: equal for equal turns, tools, documents and variables of the template. */
    static String promptDigest(Prompt prompt) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            prompt(out, prompt);
            return digest(bytes.toByteArray());
        } catch (IOException e) {
            throw new UncheckedIOException("memory can be written", e);
        }
    }

    private static String digest(byte[] prompt) {
        return Digests.sha256(prompt).substring(0, 32);
    }

    private static void prompt(DataOutputStream out, Prompt prompt) throws IOException {
        out.writeBoolean(!prompt.isConversation());
        if (!prompt.isConversation()) {
            text(out, prompt.text());
        } else {
            Conversation conversation = prompt.conversation();
            turns(out, conversation.turns());
            json(out, conversation.tools());
            json(out, conversation.documents());
        }
        Map<String, Object> variables = prompt.conversation().variables();
        json(out, variables.isEmpty() ? null : variables);
    }

    private static void answer(DataOutputStream out, Answer answer) throws IOException {
        if (answer == null) {
            out.writeInt(NONE);
        } else if (answer.isText()) {
            out.writeInt(0);
            text(out, answer.text());
        } else {
            turns(out, answer.turns());
        }
    }

    private static void turns(DataOutputStream out, List<Message> turns) throws IOException {
        out.writeInt(turns.size());
        for (Message turn : turns) {
            text(out, turn.role());
            text(out, turn.content());
            json(out, turn.isPlain() ? null : turn.fields());
        }
    }

    private static void json(DataOutputStream out, Object value) throws IOException {
        text(out, value == null ? null : Json.write(value));
    }

    private static void text(DataOutputStream out, String text) throws IOException {
        if (text == null) {
            out.writeInt(NONE);
            return;
        }
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    static Row decode(byte[] bytes, int id, String source) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        Prompt prompt = prompt(in);
        Answer chosen = answer(in);
        Answer rejected = answer(in);
        Answer onlineChosen = answer(in);
        Answer onlineRejected = answer(in);
        Double scoreChosen = number(in);
        Double scoreRejected = number(in);
        boolean labelled = flag(in);
        boolean label = flag(in);
        int count = in.getInt();
        List<Answer> responses = count == NONE ? null : new ArrayList<>();
        for (int i = 0; i < count; i++) {
            responses.add(answer(in));
        }
        return new Row(
                id, source, prompt, chosen, rejected, onlineChosen, onlineRejected, scoreChosen, scoreRejected,
                labelled ? label : null, responses);
    }

    private static Prompt prompt(ByteBuffer in) {
        if (flag(in)) {
            return new Prompt(text(in), variables(in));
        }
        return new Prompt(new Conversation(turns(in, in.getInt()), json(in), json(in), variables(in)));
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> variables(ByteBuffer in) {
        Object variables = json(in);
        return variables == null ? Map.of() : (Map<String, Object>) variables;
    }

    private static Answer answer(ByteBuffer in) {
        int turns = in.getInt();
        return turns == NONE ? null : turns == 0 ? Answer.of(text(in)) : new Answer(turns(in, turns));
    }

    private static List<Message> turns(ByteBuffer in, int count) {
        List<Message> messages = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String role = text(in);
            String content = text(in);
            @SuppressWarnings("unchecked")
            Map<String, Object> fields = (Map<String, Object>) json(in);
            messages.add(fields == null ? new Message(role, content) : new Message(role, content, fields));
        }
        return messages;
    }

    private static Object json(ByteBuffer in) {
        String text = text(in);
        return text == null ? null : Json.plain(Json.parse(text, "a stored row"));
    }

    private static Double number(ByteBuffer in) {
        boolean there = flag(in);
        double number = in.getDouble();
        return there ? number : null;
    }

    private static boolean flag(ByteBuffer in) {
        return in.get() != 0;
    }

    private static String text(ByteBuffer in) {
        int count = in.getInt();
        if (count == NONE) {
            return null;
        }
        String text = new String(in.array(), in.position(), count, StandardCharsets.UTF_8);
        in.position(in.position() + count);
        return text;
    }
}
