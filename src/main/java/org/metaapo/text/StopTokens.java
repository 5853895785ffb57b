package org.metaapo.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/**
 * The tokens that end an answer: {@code eos_token_id} of generation_config.json, else of config.json, else the tokenizer's
 * {@code eos_token}; and the token with which the chat template ends a turn.
 */
public final class StopTokens {
    private static final String MARK = "metaapo";

    private StopTokens() {}

    /** The ids of a model's files, or where there are none the tokenizer's own. */
    static int[] said(int[] ofModel, Tokenizer tokenizer) {
        int eos = eos(tokenizer);
        return ofModel.length > 0 || eos < 0 ? ofModel : new int[] {eos};
    }

    private static int eos(Tokenizer tokenizer) {
        String eos = tokenizer.specialToken("eos_token");
        return eos == null ? -1 : tokenizer.id(eos);
    }

    /** The first special token that a template writes after what an assistant says; -1 for none. */
    static int endOfTurn(ChatFormat format) {
        if (!format.hasTemplate()) {
            return -1;
        }
        Tokenizer tokenizer = format.tokenizer();
        try {
            String text = format.render(Conversation.ask("?").answered(Answer.of(MARK)), false);
            int at = text.lastIndexOf(MARK);
            String bos = tokenizer.specialToken("bos_token");
            return at < 0
                    ? -1
                    : Arrays.stream(tokenizer.encode(text.substring(at + MARK.length())))
                            .filter(id -> tokenizer.isSpecial(id) && id != tokenizer.id(String.valueOf(bos)))
                            .findFirst()
                            .orElse(-1);
        } catch (DataException e) {
            // A template that wants other turns: the rows tell.
            return -1;
        }
    }

    /**
     * In words, who says what, where someone names a token that the first does not; null where all agree.
     *
     * @param files ids by the name of the file that has them, the one that counts first
     */
    public static String difference(Map<String, int[]> files, ChatFormat format) {
        Tokenizer tokenizer = format.tokenizer();
        Map<String, int[]> said = new LinkedHashMap<>();
        files.forEach((file, ids) -> said.put(file + " has", ids));
        if (eos(tokenizer) >= 0) {
            said.put("the tokenizer has", new int[] {eos(tokenizer)});
        }
        int end = endOfTurn(format);
        if (end >= 0) {
            said.put("the template ends turns with", new int[] {end});
        }
        if (said.isEmpty()) {
            return null;
        }
        List<Integer> first = boxed(said.values().iterator().next());
        if (said.values().stream().allMatch(ids -> first.containsAll(boxed(ids)))) {
            return null;
        }
        List<String> words = new ArrayList<>();
        said.forEach((who, ids) -> words.add(who + " " + shown(ids, tokenizer)));
        return "stop tokens differ: " + String.join(", ", words) + "; answers end with " + shown(format.stopIds(), tokenizer);
    }

    private static List<Integer> boxed(int[] ids) {
        return Arrays.stream(ids).boxed().toList();
    }

    private static String shown(int[] ids, Tokenizer tokenizer) {
        return Arrays.stream(ids)
                .mapToObj(id -> Json.write(tokenizer.decode(new int[] {id}, false)) + " (" + id + ")")
                .collect(Collectors.joining(" or "));
    }
}
