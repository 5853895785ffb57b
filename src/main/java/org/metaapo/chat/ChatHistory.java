package org.metaapo.chat;

import java.util.ArrayList;
import java.util.List;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;

/** What one model and its user have said. With two models each has its own, for their answers differ. */
final class ChatHistory {
    private static final String SYSTEM = "system";
    private static final String USER = "user";

    private Conversation talk;
    private final List<Sent> sent = new ArrayList<>();

    /** A message of the user's, and how many turns there were before it. */
    private record Sent(Message message, int before) {}

    /** @param talk what was said already; tools, documents and variables stay with it */
    ChatHistory(Conversation talk) {
        set(talk);
    }

    /** Goes on from another conversation. */
    void set(Conversation other) {
        talk = other;
        sent.clear();
        for (int i = 0; i < other.turns().size(); i++) {
            if (other.turns().get(i).role().equals(USER)) {
                sent.add(new Sent(other.turns().get(i), i));
            }
        }
    }

    /** All that was said. */
    Conversation conversation() {
        return talk;
    }

    /** A message of the user's. */
    static Message message(String text) {
        return new Message(USER, text);
    }

    /** The conversation with a message at its end. */
    Conversation asked(Message message) {
        List<Message> turns = new ArrayList<>(talk.turns());
        turns.add(message);
        return with(turns);
    }

    /** Takes an answer to a message; an empty one leaves no trace, for no template and no data has a turn without a word. */
    void add(Message message, String answer) {
        sent.add(new Sent(message, talk.turns().size()));
        if (!answer.isEmpty()) {
            List<Message> turns = new ArrayList<>(asked(message).turns());
            turns.add(new Message("assistant", answer));
            talk = with(turns);
        }
    }

    /** How many messages were sent. */
    int messages() {
        return sent.size();
    }

    /** Takes the last message and what followed it away. */
    Message undo() {
        Sent last = sent.remove(sent.size() - 1);
        talk = with(talk.turns().subList(0, last.before()));
        return last.message();
    }

    /** Takes all messages away; the system's text stays. */
    void clear() {
        sent.clear();
        talk = with(hasSystem() ? talk.turns().subList(0, 1) : List.of());
    }

    /** The system's text; null for none. */
    String system() {
        return hasSystem() ? talk.turns().get(0).content() : null;
    }

    /** Says another system's text, from now on; null for none. */
    void system(String text) {
        int had = hasSystem() ? 1 : 0;
        List<Message> turns = new ArrayList<>(talk.turns().subList(had, talk.turns().size()));
        if (text != null) {
            turns.add(0, new Message(SYSTEM, text));
        }
        int moved = (text == null ? 0 : 1) - had;
        sent.replaceAll(one -> new Sent(one.message(), one.before() + moved));
        talk = with(turns);
    }

    private boolean hasSystem() {
        return !talk.turns().isEmpty() && (talk.turns().get(0).role().equals(SYSTEM) || talk.turns().get(0).role().equals("developer"));
    }

    private Conversation with(List<Message> turns) {
        return new Conversation(turns, talk.tools(), talk.documents(), talk.variables());
    }
}
