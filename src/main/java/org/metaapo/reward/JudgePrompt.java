package org.metaapo.reward;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.files.StrictText;

/**
 * What a judge is told, and how its reply is read. The text is {@code judge-prompt.txt}, or a user's own with the same three
 * placeholders; the last line of a reply must be the verdict.
 */
final class JudgePrompt {
    private static final List<String> PLACEHOLDERS = List.of("{conversation}", "{answer_a}", "{answer_b}");
    private static final Pattern PLACEHOLDER = Pattern.compile("\\{(conversation|answer_a|answer_b)\\}");
    /** Allows the marks of Markdown around it. */
    private static final Pattern VERDICT = Pattern.compile("[\\s*_#>`]*verdict[\\s*_`]*:[\\s*_`\\[(]*(a|b|tie)[\\s*_`\\])]*\\.?[\\s*_`]*", Pattern.CASE_INSENSITIVE);

    private final String text;

    private JudgePrompt(String text) {
        this.text = text;
    }

    /**
     * Reads the text.
     *
     * @param file a user's own; null for the built-in one
     * @throws UsageException if it cannot be read, or lacks a placeholder
     */
    static JudgePrompt load(Path file) {
        if (file == null) {
            return new JudgePrompt(builtIn());
        }
        String text;
        try {
            text = StrictText.read(file);
        } catch (DataException e) {
            throw new UsageException("reward.judge_prompt: " + e.getMessage());
        }
        for (String placeholder : PLACEHOLDERS) {
            if (text.split(Pattern.quote(placeholder), -1).length != 2) {
                throw new UsageException("reward.judge_prompt: " + file + ": expected each of " + String.join(", ", PLACEHOLDERS)
                        + " once, and " + placeholder + " is not");
            }
        }
        return new JudgePrompt(text);
    }

    private static String builtIn() {
        try (InputStream in = JudgePrompt.class.getResourceAsStream("judge-prompt.txt")) {
            if (in == null) {
                throw new IllegalStateException("resource judge-prompt.txt is missing from the build");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The text with its placeholders. */
    String text() {
        return text;
    }

    /** The text about two answers. Placeholders are filled in one pass, so that those in a conversation or an answer stay. */
    String fill(Question question) {
        String conversation = question.prompt().conversation().turns().stream()
                .map(turn -> "[" + turn.role() + "]\n" + turn.shown())
                .collect(Collectors.joining("\n\n"));
        Map<String, String> values = Map.of("conversation", conversation, "answer_a", question.answer().shown(), "answer_b", question.other().shown());
        return PLACEHOLDER.matcher(text).replaceAll(match -> Matcher.quoteReplacement(values.get(match.group(1))));
    }

    /** 1 if the first answer wins, 0 if the second does, ½ for a tie; empty if the last line is no verdict. */
    static OptionalDouble verdict(String reply) {
        String last = reply.strip().lines().reduce((first, second) -> second).orElse("");
        Matcher matcher = VERDICT.matcher(last);
        if (!matcher.matches()) {
            return OptionalDouble.empty();
        }
        return OptionalDouble.of(switch (matcher.group(1).toLowerCase(java.util.Locale.ROOT)) {
            case "a" -> 1;
            case "b" -> 0;
            default -> 0.5;
        });
    }
}
