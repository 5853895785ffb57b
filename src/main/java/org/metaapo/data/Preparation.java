package org.metaapo.data;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.error.DataException;
import org.metaapo.text.ChatFormat;

/**
 * Makes a {@link RowStore} of data files: reads, checks and tokenizes on several threads, never holding more than a few rows.
 *
 * @param sources paths as {@link DataPaths} knows them; each is a source that may have a weight
 * @param options how to read
 * @param need what a row must have
 * @param online what is done with a given online pair
 * @param format tokenizer and template
 * @param maxLength tokens of prompt and answer
 * @param maxPromptLength tokens of a prompt
 * @param filter which good rows are left out
 * @param dropRepeatedPrompts leave out a row whose prompt an earlier row has
 * @param threads that tokenize; the result does not depend on them
 */
public record Preparation(
        List<Path> sources,
        DataFiles.Options options,
        Need need,
        Online online,
        ChatFormat format,
        int maxLength,
        int maxPromptLength,
        RowFilter filter,
        boolean dropRepeatedPrompts,
        int threads) {
    /** What a row must have. */
    public enum Need {
        /** A better and a worse answer. */
        PAIR("needs chosen and rejected"),
        /** One answer to imitate; an answer with the label false is left out. */
        ANSWER("needs an answer: messages, completion or chosen"),
        /** A better and a worse answer, or one answer with a label, which becomes the chosen or the rejected one. */
        LABELLED("needs chosen and rejected, or completion and label"),
        /** A prompt; answers that a row has are not read. */
        PROMPT("needs a prompt");

        private final String words;

        Need(String words) {
            this.words = words;
        }

        private String lacks(Row row) {
            return this == LABELLED && row.chosen() != null ? "label" : this == ANSWER ? "answer" : "pair";
        }
    }

    /** What is done with the online pair of a row that has one. */
    public enum Online {
        /** Its tokens are taken. */
        TAKE,
        /** They are not: it is counted. */
        LEAVE,
        /** Such a row is an error. */
        REFUSE
    }

    /** A row that is ready to be written; {@code drop} says why it is not. */
    private record Prepared(EncodedRow row, RowCodec.Encoded text, String drop) {}

    /** The files of all sources. */
    List<Path> files() {
        return DataFiles.files(sources, options);
    }

    /** Writes the store's file. */
    void write(FileChannel channel, byte[] key, DataFiles.Watch watch) throws IOException {
        new Work(new RowStoreWriter(channel, key)).run(watch);
    }

    private Prepared prepare(RowEncoder encoder, Row row) {
        boolean fits = switch (need) {
            case PAIR -> row.isPair();
            case ANSWER -> row.chosen() != null;
            case LABELLED -> row.isPair() || row.chosen() != null && row.label() != null;
            case PROMPT -> true;
        };
        if (!fits) {
            throw new DataException(row.source() + ": has no " + need.lacks(row) + "; this recipe " + need.words + row.hint());
        }
        if (row.onlineChosen() != null && online == Online.REFUSE) {
            throw new DataException(row.source() + ": has online_chosen and online_rejected, which this recipe does not train on; take recipe "
                    + "metaapo, or leave the columns out");
        }
        if (need == Need.ANSWER && Boolean.FALSE.equals(row.label())) {
            return new Prepared(null, null, "answer with the label false");
        }
        EncodedRow encoded = encode(encoder, row);
        String drop = RowEncoder.dropReason(encoded);
        drop = drop == null ? filter.reason(encoded) : drop;
        return drop == null
                ? new Prepared(encoded, RowCodec.encode(row), null)
                : new Prepared(null, null, drop);
    }

    private EncodedRow encode(RowEncoder encoder, Row row) {
        if (need == Need.PROMPT) {
            return encoder.encodePromptOf(row);
        }
        EncodedRow encoded = online == Online.TAKE ? encoder.encodePairs(row) : encoder.encode(row);
        boolean bad = need == Need.LABELLED && !row.isPair() && !row.label();
        return bad
                ? new TokenizedRow(row, encoded.prompt(), null, encoded.chosen(), encoded.promptCut(), 0, encoded.chosenCut())
                : encoded;
    }

    /** One making of a store. */
    private final class Work {
        private final RowStoreWriter writer;
        private final RepeatedPrompts prompts = new RepeatedPrompts();
        private final Map<String, Integer> dropped = new LinkedHashMap<>();
        private final List<RowStats.FileRows> files = new ArrayList<>();
        private int repeated;
        private int cutPrompts;
        private int cutAnswers;
        private int online;

        Work(RowStoreWriter writer) {
            this.writer = writer;
        }

        void run(DataFiles.Watch watch) throws IOException {
            RowEncoder encoder = new RowEncoder(format, maxLength, maxPromptLength);
            RowScan<Prepared> scan = new RowScan<>(options, threads, row -> prepare(encoder, row), this::take, files(), watch);
            List<Integer> ends = new ArrayList<>();
            DataFiles.Summary summary = null;
            for (Path source : sources) {
                summary = scan.scan(DataFiles.files(List.of(source), options));
                ends.add(writer.rows());
            }
            if (summary == null || summary.rows() == 0) {
                throw DataFiles.noRows(sources, summary);
            }
            Map<String, Integer> all = new LinkedHashMap<>(summary.dropped());
            dropped.forEach((reason, count) -> all.merge(reason, count, Integer::sum));
            if (writer.rows() == 0) {
                throw new DataException(sources.get(0) + ": no row is left; dropped: " + all);
            }
            writer.finish(new RowStats(
                    named(summary.schemas()), ends, summary.bad(), summary.skipped(), all, repeated, cutPrompts, cutAnswers, online,
                    writer.digest()));
        }

        private List<RowStats.FileRows> named(Map<Path, Schema> schemas) {
            return files.stream()
                    .map(file -> new RowStats.FileRows(
                            file.path(), file.separator(), schemas.get(Path.of(file.path())).columns(), file.first()))
                    .toList();
        }

        private void take(Place place, Prepared prepared) {
            if (prepared.drop() != null) {
                dropped.merge(prepared.drop(), 1, Integer::sum);
                return;
            }
            boolean repeats = prompts.seen(prepared.text().promptDigest());
            repeated += repeats ? 1 : 0;
            if (repeats && dropRepeatedPrompts) {
                dropped.merge(RepeatedPrompts.REASON, 1, Integer::sum);
                return;
            }
            if (files.isEmpty() || !files.get(files.size() - 1).path().equals(place.file())) {
                files.add(new RowStats.FileRows(place.file(), place.separator(), "", writer.rows()));
            }
            EncodedRow row = prepared.row();
            cutPrompts += row.promptCut() > 0 ? 1 : 0;
            online += row.row().onlineChosen() != null ? 1 : 0;
            cutAnswers += (row.chosenCut() > 0 ? 1 : 0) + (row.rejectedCut() > 0 ? 1 : 0) + (row.onlineCut() > 0 ? 1 : 0);
            try {
                writer.add(row, prepared.text().bytes(), Math.toIntExact(place.number()));
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }
}
