package org.metaapo.jobs;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.metaapo.data.DataFiles;
import org.metaapo.data.EncodedRow;
import org.metaapo.data.Row;
import org.metaapo.data.RowEncoder;
import org.metaapo.text.Tokenizer;

/** Rows as a model sees them. */
public final class InspectJob {
    private static final String PROMPT = "\u001b[36m";
    private static final String ANSWER = "\u001b[32m";
    private static final String LABEL = "\u001b[1m";
    private static final String RESET = "\u001b[0m";

    private final boolean colour;
    private final boolean ids;
    private final StringBuilder out = new StringBuilder();

    private InspectJob(boolean colour, boolean ids) {
        this.colour = colour;
        this.ids = ids;
    }

    /**
     * A text for people: the first rows with prompt and answers marked, and counts over all rows.
     *
     * @param shown rows to show
     * @param ids whether to show token ids
     * @param colour whether the reader is a terminal
     */
    public static String run(
            Path model, List<Path> data, int shown, int maxLength, int maxPromptLength, boolean ids, boolean colour) {
        try (Policy policy = Policy.open(model)) {
            DataFiles.Loaded loaded = DataFiles.load(data, new DataFiles.Options("train", true, 0));
            RowEncoder encoder = new RowEncoder(policy.format(), maxLength, maxPromptLength);
            RowEncoder.Encoded encoded = encoder.encode(loaded.rows(), true);
            InspectJob job = new InspectJob(colour, ids);
            for (EncodedRow row : encoded.rows().subList(0, Math.min(shown, encoded.rows().size()))) {
                job.row(row, policy.format().tokenizer());
            }
            job.counts(loaded, encoded);
            return job.out.toString();
        }
    }

    private String in(String code, String text) {
        return colour ? code + text + RESET : text;
    }

    private void row(EncodedRow row, Tokenizer tokenizer) {
        Row source = row.row();
        out.append(in(LABEL, source.source())).append('\n');
        part("prompt", row.prompt(), row.promptCut(), PROMPT, tokenizer);
        if (row.chosen() != null) {
            part(row.rejected() == null ? "answer" : "chosen", row.chosen(), row.chosenCut(), ANSWER, tokenizer);
        }
        if (row.rejected() != null) {
            part("rejected", row.rejected(), row.rejectedCut(), ANSWER, tokenizer);
        }
        out.append('\n');
    }

    private void part(String name, int[] tokens, int cut, String code, Tokenizer tokenizer) {
        String note = tokens.length + " tokens" + (cut > 0 ? ", " + cut + " cut" : "");
        out.append(String.format(Locale.ROOT, "  %-8s  (%s)%n", name, note));
        tokenizer.decode(tokens, false).lines().forEach(line -> out.append("    ").append(in(code, line)).append('\n'));
        if (ids) {
            out.append("    ").append(Arrays.toString(tokens)).append('\n');
        }
    }

    private void counts(DataFiles.Loaded loaded, RowEncoder.Encoded encoded) {
        out.append(String.format(Locale.ROOT, "%-28s %10d%n", "rows", loaded.rows().size() + loaded.skipped().size()));
        out.append(String.format(Locale.ROOT, "%-28s %10d%n", "kept", encoded.rows().size()));
        for (Map.Entry<String, Integer> reason : encoded.dropped().entrySet()) {
            out.append(String.format(Locale.ROOT, "%-28s %10d%n", "dropped: " + reason.getKey(), reason.getValue()));
        }
        out.append(String.format(Locale.ROOT, "%-28s %10d%n", "bad rows", loaded.skipped().size() + encoded.skipped().size()));
        out.append(String.format(Locale.ROOT, "%-28s %10d%n", "prompts cut", encoded.cutPrompts()));
        out.append(String.format(Locale.ROOT, "%-28s %10d%n", "answers cut", encoded.cutAnswers()));
        length("prompt tokens", encoded.rows().stream().mapToInt(r -> r.prompt().length).sorted().toArray());
        length("chosen tokens", encoded.rows().stream().filter(r -> r.chosen() != null).mapToInt(r -> r.chosen().length).sorted().toArray());
        length("rejected tokens", encoded.rows().stream().filter(r -> r.rejected() != null).mapToInt(r -> r.rejected().length).sorted().toArray());
        loaded.skipped().stream().limit(5).forEach(message -> out.append("bad: ").append(message).append('\n'));
        encoded.skipped().stream().limit(5).forEach(message -> out.append("bad: ").append(message).append('\n'));
    }

    private void length(String name, int[] sorted) {
        if (sorted.length > 0) {
            out.append(String.format(Locale.ROOT, "%-28s %10d median, %d longest%n", name, sorted[sorted.length / 2], sorted[sorted.length - 1]));
        }
    }
}
