package org.metaapo.reward;

import java.util.List;
import org.metaapo.data.Prompt;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;
import org.metaapo.text.Answer;

/** A door for the fuzz target of replies: they are read as those to a request of two prompts with two answers and one. */
public final class ServiceReplies {
    private static final List<ServiceJson.Item> ITEMS = List.of(
            new ServiceJson.Item(new Prompt("p"), List.of(Answer.of("a"), Answer.of("b"))), new ServiceJson.Item(new Prompt("q"), List.of(Answer.of("c"))));

    private ServiceReplies() {}

    /** The scores of a reply. */
    public static double[] read(byte[] reply) {
        String text = StrictText.decode(reply, 0, reply.length, "service", 1);
        return ServiceJson.scores(Json.parse(text, "service"), ITEMS, "service", new CallLog());
    }
}
