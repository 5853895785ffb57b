package org.metaapo.evaluate.alpaca;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.judge.Placeholders;
import org.metaapo.files.StrictText;
import org.metaapo.text.Message;

/**
 * What AlpacaEval's judge is told: turns in ChatML, {@code <|im_start|>role}, a text and {@code <|im_end|>}. The turns are parted before the places are
 * filled, so that no instruction or answer can begin or end one.
 *
 * @param turns with their places
 * @param text of the file
 */
public record AlpacaPrompt(List<Message> turns, String text) {
    /** Where the official one is. */
    public static final String OFFICIAL = "src/alpaca_eval/evaluators_configs/alpaca_eval_clf_gpt4_turbo/alpaca_eval_clf.txt of the repository tatsu-lab/alpaca_eval";
    private static final Pattern TURN = Pattern.compile("\\s*<\\|im_start\\|>([a-z]+)[ \\t]*\\r?\\n(.*?)<\\|im_end\\|>\\s*", Pattern.DOTALL);
    private static final List<String> PLACES = List.of("instruction", "output_1", "output_2");

    /** Reads a file; a DataException says what is wrong with it. */
    public static AlpacaPrompt read(Path file) {
        String text = StrictText.read(file);
        List<Message> turns = new ArrayList<>();
        Matcher turn = TURN.matcher(text);
        int at = 0;
        while (turn.find(at) && turn.start() == at) {
            turns.add(new Message(turn.group(1), turn.group(2).strip()));
            at = turn.end();
            if (at == text.length()) {
                break;
            }
        }
        if (turns.isEmpty() || at != text.length()) {
            throw new DataException(file + ": no turns in ChatML from the first character to the last; expected <|im_start|>role, a text and <|im_end|> for each, as in " + OFFICIAL);
        }
        Placeholders.require(text, PLACES, file.toString());
        return new AlpacaPrompt(List.copyOf(turns), text);
    }

    /** The turns about two answers, in the order in which they are shown. */
    public List<Message> fill(String instruction, String first, String second) {
        Map<String, String> values = Map.of("instruction", instruction, "output_1", first, "output_2", second);
        return turns.stream().map(turn -> new Message(turn.role(), Placeholders.fill(turn.content(), values))).toList();
    }
}
