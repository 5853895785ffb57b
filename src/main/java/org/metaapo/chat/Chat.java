package org.metaapo.chat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;

/**
 * A conversation with one model, or with two that get the same messages. Answers are drawn by random numbers keyed by the seed, the
 * message's number and how often it was asked again, so that models beside each other draw the same ones.
 */
public final class Chat {
    private static final int ATTEMPT_SHIFT = 32;

    private final List<ChatModel> models;
    private final List<ChatHistory> histories;
    private final ChatSettings settings;
    private final Reply[] last;
    private long attempt;

    /**
     * A conversation that begins.
     *
     * @param models one or two
     * @param begun what was said already, by model
     */
    public Chat(List<ChatModel> models, List<Conversation> begun, ChatSettings settings) {
        this.models = List.copyOf(models);
        this.histories = begun.stream().map(ChatHistory::new).toList();
        this.settings = settings;
        this.last = new Reply[models.size()];
    }

    /** The models. */
    List<ChatModel> models() {
        return models;
    }

    /** How answers are drawn. */
    ChatSettings settings() {
        return settings;
    }

    /** What was said, by model. */
    List<Conversation> conversations() {
        return histories.stream().map(ChatHistory::conversation).toList();
    }

    /**
     * Has a message answered.
     *
     * @param stop whether the user has had enough
     * @throws DataException if a template refuses the conversation, or there is no room for an answer; nothing is sent then
     */
    void ask(String text, AnswerView view, BooleanSupplier stop) {
        Message message = ChatHistory.message(text);
        attempt = 0;
        answer(histories.stream().map(history -> message).toList(), view, stop);
    }

    /** Has the last message answered once more, by other random numbers. */
    void again(AnswerView view, BooleanSupplier stop) {
        List<Conversation> before = conversations();
        List<Message> messages = undone();
        attempt++;
        try {
            answer(messages, view, stop);
        } catch (DataException e) {
            // Refused before a word was written: what was said stays.
            for (int i = 0; i < before.size(); i++) {
                histories.get(i).set(before.get(i));
            }
            throw e;
        }
    }

    /** Takes the last message and its answers back. */
    void undo() {
        undone();
        attempt = 0;
        Arrays.fill(last, null);
    }

    private List<Message> undone() {
        if (histories.stream().anyMatch(history -> history.messages() == 0)) {
            throw new UsageException("no message was sent yet");
        }
        return histories.stream().map(ChatHistory::undo).toList();
    }

    /** Forgets all messages. */
    void clear() {
        histories.forEach(ChatHistory::clear);
        attempt = 0;
        Arrays.fill(last, null);
    }

    /** Goes on from other conversations, by model. */
    void load(List<Conversation> conversations) {
        for (int i = 0; i < conversations.size(); i++) {
            histories.get(i).set(conversations.get(i));
        }
        attempt = 0;
        Arrays.fill(last, null);
    }

    /** The system's text; null for none. */
    String system() {
        return histories.get(0).system();
    }

    /**
     * Has another system's text; null for none.
     *
     * @throws UsageException if no model has a place for one
     */
    public void system(String text) {
        if (text != null && models.stream().noneMatch(model -> model.format().hasTemplate())) {
            throw new UsageException("a model without a chat template has no place for a system's text");
        }
        histories.forEach(history -> history.system(text));
    }

    private void answer(List<Message> messages, AnswerView view, BooleanSupplier stop) {
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < models.size(); i++) {
            int[] prompt = models.get(i).prompt(histories.get(i).asked(messages.get(i)));
            models.get(i).room(prompt);
            prompts.add(prompt);
        }
        List<Integer> all = IntStream.range(0, models.size()).boxed().toList();
        List<List<Integer>> turns = view.isSideBySide() ? List.of(all) : all.stream().map(List::of).toList();
        long number = histories.get(0).messages();
        Reply[] replies = new Reply[models.size()];
        try {
            for (List<Integer> turn : turns) {
                if (turn == turns.get(0) || !stop.getAsBoolean()) {
                    turn.forEach(i -> replies[i] = reply(i, prompts.get(i), number));
                    write(turn, replies, view, stop);
                }
            }
        } finally {
            for (int i = 0; i < replies.length; i++) {
                if (replies[i] != null) {
                    replies[i].interrupt();
                }
                histories.get(i).add(messages.get(i), replies[i] == null ? "" : replies[i].text());
                last[i] = replies[i];
            }
        }
    }

    private Reply reply(int i, int[] prompt, long number) {
        ChatModel model = models.get(i);
        int longest = Math.min(settings.maxNewTokens(), model.room(prompt));
        return new Reply(model, prompt, settings.sampling(longest, model.format().stopIds()), number + (attempt << ATTEMPT_SHIFT));
    }

    private void write(List<Integer> turn, Reply[] replies, AnswerView view, BooleanSupplier stop) {
        List<String> notes = new ArrayList<>();
        view.begin(turn);
        try {
            while (turn.stream().anyMatch(i -> !replies[i].isOver())) {
                for (int i : turn) {
                    step(i, replies[i], view, stop);
                }
            }
            for (int i : turn) {
                note(replies[i], turn.size() > 1).ifPresent(notes::add);
                models.get(i).generator().notice().ifPresent(notes::add);
            }
        } finally {
            view.end(notes);
        }
    }

    private static void step(int i, Reply reply, AnswerView view, BooleanSupplier stop) {
        if (reply.isOver()) {
            return;
        }
        if (stop.getAsBoolean()) {
            reply.interrupt();
        } else {
            String more = reply.step();
            if (!more.isEmpty()) {
                view.text(i, more);
            }
        }
        if (reply.isOver()) {
            view.over(i);
        }
    }

    /** What its reader should know of an answer; mostly nothing. */
    private Optional<String> note(Reply reply, boolean named) {
        String what = reply.ending() == Reply.Ending.CUT
                ? reply.longest() < settings.maxNewTokens()
                        ? "cut, for the context of " + reply.model().context() + " tokens is full; /undo takes the last message back, /clear begins anew"
                        : "cut at " + reply.longest() + " tokens; /set max_new_tokens has longer answers"
                : reply.ending() == Reply.Ending.INTERRUPTED ? "stopped"
                : reply.text().isEmpty() ? "the model ended its turn without a word; /regen asks again" : "";
        return what.isEmpty() ? Optional.empty() : Optional.of("[" + (named ? reply.model().name() + ": " : "") + what + "]");
    }

    /** How fast the last answers came and how full the contexts are, a line for each model. */
    String stats() {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < models.size(); i++) {
            ChatModel model = models.get(i);
            Reply reply = last[i];
            String speed = "no answer yet";
            int used = used(i);
            if (reply != null && reply.tokens() > 0) {
                speed = String.format(Locale.ROOT, "%d tokens of prompt, %d of answer, the first after %.2f s", reply.promptTokens(), reply.tokens(), reply.secondsToFirst())
                        + (Double.isNaN(reply.tokensPerSecond()) ? "" : String.format(Locale.ROOT, ", then %.1f a second", reply.tokensPerSecond()));
            }
            lines.add(String.format(Locale.ROOT, "%s: %s; context %d of %d tokens (%.0f %%)", model.name(), speed, used, model.context(), 100.0 * used / model.context()));
        }
        return String.join("\n", lines);
    }

    /** Tokens of all that was said. */
    private int used(int i) {
        Conversation talk = histories.get(i).conversation();
        if (talk.turns().isEmpty()) {
            return 0;
        }
        if (!models.get(i).format().hasTemplate()) {
            return last[i] == null ? 0 : last[i].promptTokens() + last[i].tokens();
        }
        return models.get(i).format().encodeConversation(talk).length;
    }
}
