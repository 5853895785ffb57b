package org.metaapo.data;

import java.util.ArrayList;
import java.util.List;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.text.Answer;
import org.metaapo.text.Message;

/**
 * Tells a conversation's prompt from its answers. Answers that begin with an assistant's turn follow the prompt that is given.
 * Answers that begin with another turn bring their own history: a given prompt is joined with it, and the answers begin
 * where the conversations part, as in TRL; that must be at an assistant's turn.
 */
final class Dialogue {
    private static final int SHOWN_CHARS = 40;

    /**
     * An answer of the row, or a conversation that ends with one.
     *
     * @param name of its column, for messages
     * @param turns as the row has them
     * @param mayBeEmpty whether nothing may be said, as by a model that ends at once
     */
    record Side(String name, List<Message> turns, boolean mayBeEmpty) {
        boolean bringsHistory() {
            return !turns.get(0).role().equals("assistant");
        }
    }

    /** A side with all that comes before it; the given prompt stands within its first {@code given} turns. */
    private record Talk(Side side, List<Message> turns, int given, String promptName) {
        /** Where a turn stands in the row, for messages. */
        private String place(int turn) {
            int own = turn - (turns.size() - side.turns().size());
            return own < 0 ? promptName + ", turn " + (turn + 1) : side.name() + ", turn " + (own + 1);
        }

        private String shown(int turn) {
            return place(turn) + " is " + Dialogue.shown(turns.get(turn));
        }
    }

    /**
     * What was found.
     *
     * @param prompt turns of the prompt
     * @param answers of the sides, in their order
     */
    record Parts(List<Message> prompt, List<Answer> answers) {}

    private final TurnParser row;
    private final String promptName;

    private Dialogue(TurnParser row, String promptName) {
        this.row = row;
        this.promptName = promptName;
    }

    /**
     * Parts a row.
     *
     * @param row for messages
     * @param promptName of the prompt's column, for messages
     * @param prompt turns of the prompt that is given; empty for none
     * @param fromText whether the prompt is given as a text, in whose place, as in TRL, conversations with their own history stand
     * @throws DataException naming the turn where prompt and answers contradict each other, or a role does not fit
     */
    static Parts parts(TurnParser row, String promptName, List<Message> prompt, boolean fromText, List<Side> sides) {
        return new Dialogue(row, promptName).parts(prompt, fromText, sides);
    }

    private Parts parts(List<Message> given, boolean fromText, List<Side> sides) {
        boolean all = sides.stream().allMatch(Side::bringsHistory);
        boolean any = sides.stream().anyMatch(Side::bringsHistory);
        boolean inAll = fromText && all && sides.size() > 1;
        for (Side side : sides) {
            String last = side.turns().get(side.turns().size() - 1).role();
            if (!last.equals("assistant")) {
                throw row.error(side.name() + ": the last turn is of role " + last + "; expected assistant");
            }
        }
        List<Talk> talks = sides.stream().map(side -> inAll ? talk(side, side.turns(), 0) : joined(given, side)).toList();
        if (!any) {
            return checked(given, talks, given.size());
        }
        int history;
        if (!all) {
            history = given.size();
            for (Talk talk : talks) {
                requireHistory(given, talk);
            }
        } else {
            history = talks.size() > 1 ? parting(talks) : firstAnswer(talks.get(0));
        }
        return checked(talks.get(0).turns().subList(0, history), talks, history);
    }

    private Talk talk(Side side, List<Message> turns, int given) {
        return new Talk(side, turns, given, promptName);
    }

    /** The prompt, and the side's turns that it does not have yet. */
    private Talk joined(List<Message> prompt, Side side) {
        List<Message> turns = side.turns();
        if (!side.bringsHistory()) {
            return talk(side, together(prompt, turns), prompt.size());
        }
        int system = 0;
        while (system < turns.size() && isSystem(turns.get(system))) {
            system++;
        }
        for (int from : new int[] {0, system}) {
            int end = from + prompt.size();
            if (end < turns.size() && turns.subList(from, end).equals(prompt)) {
                return talk(side, turns, end);
            }
        }
        for (int same = Math.min(prompt.size(), turns.size() - 1); same > 0; same--) {
            if (prompt.subList(prompt.size() - same, prompt.size()).equals(turns.subList(0, same))) {
                return talk(side, together(prompt, turns.subList(same, turns.size())), prompt.size());
            }
        }
        Message last = prompt.get(prompt.size() - 1);
        if (isSystem(turns.get(0)) || !(isSystem(last) || last.role().equals("assistant"))) {
            throw row.error(promptName + " and " + side.name() + " contradict each other: " + side.name() + ", turn 1 is " + shown(turns.get(0))
                    + ", and the prompt ends with " + shown(last) + "; leave one of them out, or make them agree");
        }
        return talk(side, together(prompt, turns), prompt.size());
    }

    private static List<Message> together(List<Message> first, List<Message> second) {
        List<Message> all = new ArrayList<>(first);
        all.addAll(second);
        return all;
    }

    /** Where one side brings its history and another does not, the history is the prompt that is given. */
    private void requireHistory(List<Message> given, Talk talk) {
        int end = given.size();
        if (talk.turns().size() <= end || !talk.turns().subList(0, end).equals(given) || !talk.turns().get(end).role().equals("assistant")) {
            int turn = 0;
            while (turn < Math.min(end, talk.turns().size() - 1) && talk.turns().get(turn).equals(given.get(turn))) {
                turn++;
            }
            throw row.error(talk.shown(turn) + ", where the other answers follow the prompt alone; all must answer one prompt");
        }
    }

    /** The first turn at which conversations differ, or their last one: there the answers begin. */
    private int parting(List<Talk> talks) {
        Talk first = talks.get(0);
        int turn = talks.stream().mapToInt(talk -> talk.turns().size()).min().orElse(1) - 1;
        for (Talk talk : talks) {
            int same = 0;
            while (same < turn && talk.turns().get(same).equals(first.turns().get(same))) {
                same++;
            }
            turn = same;
        }
        for (Talk talk : talks) {
            if (!talk.turns().get(turn).role().equals("assistant")) {
                Talk other = talk;
                for (Talk one : talks) {
                    other = one.turns().get(turn).equals(talk.turns().get(turn)) ? other : one;
                }
                throw row.error("the conversations have different turns before the answer: "
                        + talk.shown(turn) + ", and " + other.shown(turn) + "; they may part at an assistant's turn alone");
            }
        }
        return turn;
    }

    /** The last turn is the assistant's, so that there is one. */
    private static int firstAnswer(Talk talk) {
        int turn = talk.given();
        while (!talk.turns().get(turn).role().equals("assistant")) {
            turn++;
        }
        return turn;
    }

    private Parts checked(List<Message> prompt, List<Talk> talks, int history) {
        List<Answer> answers = new ArrayList<>();
        for (Talk talk : talks) {
            checkRoles(talk, history);
            checkSaid(talk, history);
            answers.add(new Answer(talk.turns().subList(history, talk.turns().size())));
        }
        if (talks.isEmpty()) {
            checkRoles(talk(new Side(promptName, prompt, true), prompt, prompt.size()), prompt.size());
        }
        return new Parts(prompt, answers);
    }

    private void checkRoles(Talk talk, int history) {
        String before = "";
        for (int i = 0; i < talk.turns().size(); i++) {
            String role = talk.turns().get(i).role();
            if (i == history) {
                requirePromptsEnd(talk, before);
            }
            if (i == 0 && isSystem(talk.turns().get(i))) {
                continue;
            }
            boolean fits = switch (role) {
                case "user" -> !before.equals("user");
                case "assistant" -> !before.isEmpty() && !before.equals("assistant");
                case "system", "developer" -> false;
                // What a tool gave back, to the assistant that called it.
                default -> !before.isEmpty();
            };
            if (!fits) {
                String expected = before.equals("user") ? "assistant" : "user";
                throw row.error(talk.place(i) + ": role " + role + "; expected " + expected);
            }
            before = role;
        }
        if (history == talk.turns().size()) {
            requirePromptsEnd(talk, before);
        }
    }

    private void checkSaid(Talk talk, int history) {
        for (int i = history; i < talk.turns().size(); i++) {
            Message turn = talk.turns().get(i);
            if (turn.role().equals("assistant") && turn.shown().isEmpty() && !talk.side().mayBeEmpty()) {
                throw row.error((talk.side().turns().size() == 1 ? talk.side().name() : talk.place(i)) + " is empty");
            }
        }
    }

    private void requirePromptsEnd(Talk talk, String last) {
        if (last.isEmpty() || last.equals("assistant")) {
            throw row.error((talk.side().bringsHistory() ? talk.side().name() : promptName) + ": the prompt must end with a user's turn");
        }
    }

    private static boolean isSystem(Message turn) {
        return turn.role().equals("system") || turn.role().equals("developer");
    }

    private static String shown(Message turn) {
        return "the " + turn.role() + "'s " + Json.write(start(turn.shown()));
    }

    private static String start(String text) {
        return text.length() <= SHOWN_CHARS ? text : text.substring(0, SHOWN_CHARS) + "…";
    }
}
