package org.metaapo.inspect;

import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.metaapo.data.DataFiles;
import org.metaapo.data.Row;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;
import org.metaapo.text.Tokenizer;

/** What is counted over all rows, one row at a time. */
final class Statistics {
    private final ChatFormat format;
    private final int bos;
    private final int eos;
    private final int unknown;
    private final int maxPositions;
    private final SpecialTexts specialTexts;
    private final SpecialTexts bosText;

    final Map<String, Tally> dropped = new LinkedHashMap<>();
    final Map<String, Lengths> lengths = new LinkedHashMap<>();
    final Lengths whole = new Lengths();
    final LengthBias bias = new LengthBias();
    final Tally bad = new Tally();
    final Tally cutPrompts = new Tally();
    final Tally cutAnswers = new Tally();
    final Tally missingEos = new Tally();
    /** Whose scores say that the rejected answer is the better one. */
    final Tally contradictedPairs = new Tally();
    final Tally doubleBos = new Tally();
    final Tally missingBos = new Tally();
    final Tally tooLong = new Tally();
    final Tally emptyAnswers = new Tally();
    final Tally unknownTokens = new Tally();
    final Tally specialsInText = new Tally();
    final Tally repeatedPrompts = new Tally();
    final Tally repeatedRows = new Tally();
    final Tally opposedPairs = new Tally();
    final Tally partedAnswers = new Tally();
    final Tally plainOnTemplate = new Tally();
    /** Columns of the rows that nothing is read from, and what they may mean where a row is only a prompt. */
    final Map<String, Tally> unreadColumns = new LinkedHashMap<>();
    final Map<String, Tally> hints = new LinkedHashMap<>();
    /** Fields of turns, and what else rows hand to the template, by name. */
    final Map<String, Tally> templateInput = new TreeMap<>();
    private final Repeats prompts = new Repeats();
    private final Repeats wholeRows = new Repeats();
    private final Map<String, Long> kinds = new TreeMap<>();
    private long rows;
    private long kept;
    private long answers;

    Statistics(ChatFormat format, int maxPositions) {
        this.format = format;
        this.maxPositions = maxPositions;
        Tokenizer tokenizer = format.tokenizer();
        this.bos = idOf(tokenizer, "bos_token");
        this.eos = idOf(tokenizer, "eos_token");
        this.unknown = idOf(tokenizer, "unk_token");
        this.specialTexts = new SpecialTexts(tokenizer.specialTokens());
        this.bosText = new SpecialTexts(bos < 0 ? List.of() : List.of(tokenizer.specialToken("bos_token")));
    }

    private static int idOf(Tokenizer tokenizer, String key) {
        String token = tokenizer.specialToken(key);
        return token == null ? -1 : tokenizer.id(token);
    }

    /** A row that cannot be read or encoded. */
    void addBad(String message) {
        rows++;
        bad.add(message);
    }

    /** Rows that the reader left out. */
    void add(DataFiles.Summary summary) {
        summary.skipped().forEach(this::addBad);
        int unlisted = summary.bad() - summary.skipped().size();
        rows += unlisted;
        bad.add(unlisted);
        summary.dropped().forEach((reason, count) -> {
            rows += count;
            dropped.computeIfAbsent(reason, r -> new Tally()).add(count);
        });
    }

    void add(SeenRow seen) {
        rows++;
        String where = seen.row().source();
        if (seen.filtered()) {
            dropped.computeIfAbsent(seen.dropped(), r -> new Tally()).add(where);
            return;
        }
        kinds.merge(kind(seen), 1L, Long::sum);
        addRepeats(seen, where);
        if (seen.dropped() != null) {
            dropped.computeIfAbsent(seen.dropped(), r -> new Tally()).add(where);
        } else {
            kept++;
        }
        addPrompt(seen, where);
        addInput(seen, where);
        for (SeenAnswer answer : seen.answers()) {
            addAnswer(seen, answer, where);
        }
        if (seen.row().isPair()) {
            bias.add(seen.answers().get(0).wholeLength(), seen.answers().get(1).wholeLength());
        }
        if (spells(seen, specialTexts)) {
            specialsInText.add(where);
        }
    }

    private static String kind(SeenRow seen) {
        String answers = seen.row().responses() != null
                ? "generated answers"
                : seen.row().isPair() ? "pairs" : seen.answers().isEmpty() ? "prompts alone" : "single answers";
        return (seen.row().prompt().isConversation() ? "conversations, " : "plain text, ") + answers;
    }

    private void addPrompt(SeenRow seen, String where) {
        int[] prompt = seen.prompt();
        length("prompt", prompt.length);
        if (seen.promptCut() > 0) {
            cutPrompts.add(where);
        } else if (bos >= 0) {
            boolean twice = prompt.length > 1 && prompt[0] == bos && prompt[1] == bos;
            if (twice || answerHasBos(seen) || spellsBos(seen)) {
                doubleBos.add(where);
            } else if (prompt.length == 0 || prompt[0] != bos) {
                missingBos.add(where);
            }
        }
        if (has(prompt, unknown) || seen.answers().stream().anyMatch(answer -> has(answer.ids(), unknown))) {
            unknownTokens.add(where);
        }
        if (seen.longest() > maxPositions) {
            tooLong.add(where);
        }
    }

    private void addInput(SeenRow seen, String where) {
        Row row = seen.row();
        if (row.scoreChosen() != null && row.scoreRejected() != null && row.scoreChosen() < row.scoreRejected()) {
            contradictedPairs.add(where);
        }
        row.unread().forEach(column -> unreadColumns.computeIfAbsent(column, c -> new Tally()).add(where));
        if (!row.hint().isEmpty()) {
            hints.computeIfAbsent(row.hint(), h -> new Tally()).add(where);
        }
        if (!row.prompt().isConversation()) {
            if (format.hasTemplate()) {
                plainOnTemplate.add(where);
            }
            return;
        }
        Conversation conversation = row.prompt().conversation();
        Set<String> names = new TreeSet<>(conversation.variables().keySet());
        messages(seen).forEach(turn -> names.addAll(turn.fields().keySet()));
        if (conversation.tools() != null) {
            names.add("tools");
        }
        if (conversation.documents() != null) {
            names.add("documents");
        }
        names.forEach(name -> templateInput.computeIfAbsent(name, n -> new Tally()).add(where));
    }

    /** All turns of a row, its answers' too. */
    private static Stream<Message> messages(SeenRow seen) {
        return Stream.concat(
                seen.row().prompt().conversation().turns().stream(),
                seen.answers().stream().flatMap(answer -> answer.content().turns().stream()));
    }

    /** Where one token begins texts and ends answers, an answer rightly has it. */
    private boolean answerHasBos(SeenRow seen) {
        return !isStop(bos) && seen.answers().stream().anyMatch(answer -> has(answer.ids(), bos));
    }

    private void addAnswer(SeenRow seen, SeenAnswer answer, String where) {
        answers++;
        length(answer.side(), answer.ids().length);
        whole.add(seen.prompt().length + answer.wholeLength());
        if (answer.cut() > 0) {
            cutAnswers.add(where + ", " + answer.side());
        } else if (!ends(answer)) {
            missingEos.add(where + ", " + answer.side());
        }
        if (answer.whole().parted() > 0) {
            partedAnswers.add(where + ", " + answer.side());
        }
        if (answer.content().shown().isBlank()) {
            emptyAnswers.add(where + ", " + answer.side());
        }
    }

    private void length(String side, int tokens) {
        lengths.computeIfAbsent(side, s -> new Lengths()).add(tokens);
    }

    private void addRepeats(SeenRow seen, String where) {
        int id = seen.row().id();
        int before = prompts.add(id, seen.prompt());
        if (before >= 0) {
            repeatedPrompts.add(where + " as row " + before);
        }
        int[][] all = new int[1 + seen.answers().size()][];
        all[0] = seen.prompt();
        for (int i = 0; i < seen.answers().size(); i++) {
            all[i + 1] = seen.answers().get(i).ids();
        }
        before = seen.answers().isEmpty() ? -1 : wholeRows.add(id, all);
        if (before >= 0) {
            repeatedRows.add(where + " as row " + before);
        }
        if (seen.row().isPair() && seen.dropped() == null) {
            int opposed = wholeRows.find(all[0], all[2], all[1]);
            if (opposed >= 0) {
                opposedPairs.add(where + " against row " + opposed);
            }
        }
    }

    private boolean spellsBos(SeenRow seen) {
        return !isStop(bos) && spells(seen, bosText);
    }

    /** Whether a message spells a token; a plain text may, for no template writes it. */
    private static boolean spells(SeenRow seen, SpecialTexts tokens) {
        return seen.row().prompt().isConversation()
                && messages(seen).map(Message::shown).anyMatch(tokens::in);
    }

    private static boolean has(int[] ids, int id) {
        if (id >= 0) {
            for (int one : ids) {
                if (one == id) {
                    return true;
                }
            }
        }
        return false;
    }

    private boolean isStop(int id) {
        return has(format.stopIds(), id);
    }

    /** Where marks tell what is trained on, the last marked token must be the stop; else a template's tail may follow it. */
    private boolean ends(SeenAnswer answer) {
        int[] ids = answer.ids();
        int last = ids.length - 1;
        while (last >= 0 && !isEnd(ids[last])) {
            last--;
        }
        // Templates write a newline after the end of a turn; of several turns the last one's end counts.
        return last >= 0 && (answer.trained() == null || format.tokenizer().decode(Arrays.copyOfRange(ids, last + 1, ids.length), false).isBlank());
    }

    /** A stop token that is one: an eos_token_id of another tokenizer may be a word here. */
    private boolean isEnd(int id) {
        return isStop(id) && (id == eos || format.tokenizer().isSpecial(id));
    }

    long rows() {
        return rows;
    }

    /** Rows that training uses. */
    long kept() {
        return kept;
    }

    /** Answers of all rows that can be encoded. */
    long answers() {
        return answers;
    }

    /** Rows that can be encoded. */
    long encoded() {
        return lengths.isEmpty() ? 0 : lengths.get("prompt").count();
    }

    /** What the rows are, such as "conversations, pairs", with their number. */
    Map<String, Long> kinds() {
        return kinds;
    }

    /** Lengths of the answers by side. */
    Collection<String> sides() {
        return lengths.keySet();
    }
}
