package org.metaapo.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.metaapo.config.RunConfig;
import org.metaapo.data.DataFiles;
import org.metaapo.data.Mixture;
import org.metaapo.data.Preparation;
import org.metaapo.data.RowCache;
import org.metaapo.data.RowFilter;
import org.metaapo.data.RowStats;
import org.metaapo.data.RowStore;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.model.ModelFolder;
import org.metaapo.ranks.Ranks;
import org.metaapo.rollout.Decision;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.ChatOptions;
import org.metaapo.text.StopTokens;
import org.metaapo.text.TemplateVariables;
import org.metaapo.text.Tokenizer;

/** Reads a run's data as the configuration says, and tells what came of it. */
final class DataReading {
    private static final int SHOWN = 5;

    private final RunConfig config;
    private final Recipe recipe;
    private final ChatFormat format;
    private final RunListener listener;
    private final StopSignal stop;
    private final boolean writes;
    private final Ranks ranks;

    private DataReading(
            RunConfig config, Recipe recipe, ChatFormat format, RunListener listener, StopSignal stop, boolean writes, Ranks ranks) {
        this.ranks = ranks;
        this.writes = writes;
        this.config = config;
        this.recipe = recipe;
        this.format = format;
        this.listener = listener;
        this.stop = stop;
    }

    /**
     * The rows of {@code data.train} and {@code data.eval}; the caller closes them. Where they are kept in a file the leader makes it, and
     * the other ranks open it.
     *
     * @param writes whether the run's folder may be made; a cache that lies there is read either way
     */
    static RunData read(
            RunConfig config, Recipe recipe, ModelFolder source, Tokenizer tokenizer, RunListener listener, StopSignal stop,
            boolean writes, Ranks ranks) {
        ChatFormat format = ranks.agree(() -> format(config, recipe, source, tokenizer, listener));
        DataReading reading = new DataReading(config, recipe, format, listener, stop, writes, ranks);
        RowStore rows = reading.rows("data.train");
        RowStore evaluation = null;
        try {
            evaluation = config.paths("data.eval").isEmpty() ? null : reading.rows("data.eval");
            Mixture mixture = ranks.agree(() -> reading.mixture(rows));
            return new RunData(rows, evaluation, mixture, format, source.config().maxPositions());
        } catch (RuntimeException e) {
            rows.close();
            if (evaluation != null) {
                evaluation.close();
            }
            throw e;
        }
    }

    private static ChatFormat format(RunConfig config, Recipe recipe, ModelFolder source, Tokenizer tokenizer, RunListener listener) {
        ChatOptions chat = ChatOptions.of(config);
        if (chat.markedOnly() && recipe != Recipe.SFT) {
            throw new UsageException("data.loss: generation is for recipe sft, found recipe " + config.text("recipe"));
        }
        Rollout rollout = recipe.rollout(config);
        boolean samples = rollout != null && rollout.decision().kind() != Decision.Kind.NONE;
        if (chat.boundary() == ChatOptions.Boundary.COMMON && samples) {
            throw new UsageException("data.boundary: common is for runs that do not sample, found recipe " + config.text("recipe")
                    + ": the policy answers the whole prompt, and is trained on what it saw");
        }
        ChatFormat format = ChatFormat.load(
                tokenizer.folder(), tokenizer, source.stopIds(), chat.withTail(recipe == Recipe.REWARD_MODEL || chat.keepTemplateTail()));
        String difference = StopTokens.difference(source.stopSources(), format);
        if (difference != null) {
            listener.note(tokenizer.folder() + ": " + difference);
        }
        for (String name : TemplateVariables.of(config).keySet()) {
            if (!format.templateMentions(name)) {
                listener.note(tokenizer.folder() + ": data.chat_template_kwargs: the chat template never reads " + name);
            }
        }
        return format;
    }

    private RowStore rows(String key) {
        boolean training = key.equals("data.train");
        Preparation preparation = new Preparation(
                config.paths(key),
                new DataFiles.Options(training ? "train" : "test", config.text("data.on_error").equals("skip"), config.integer("seed"),
                        TemplateVariables.of(config)),
                training ? recipe.need(config) : recipe.evaluationNeed(config),
                training ? recipe.online(config) : Preparation.Online.LEAVE,
                format,
                config.count("data.max_length"),
                config.count("data.max_prompt_length"),
                training ? RowFilter.of(config) : RowFilter.NONE,
                training && config.text("data.repeated_prompts").equals("drop"),
                config.count("threads") == 0 ? Runtime.getRuntime().availableProcessors() : config.count("threads"));
        Path folder = folder();
        RowCache cache = new RowCache(folder, listener::note);
        RowStore made = ranks.agree(() -> ranks.leader() || folder == null ? cache.rows(preparation, new ReadingProgress()) : null);
        RowStore rows = ranks.agree(() -> made != null ? made : cache.rows(preparation, new ReadingProgress()));
        listener.end();
        tell(key, rows);
        return rows;
    }

    private Path folder() {
        return switch (config.text("data.cache")) {
            case "off" -> null;
            case "run" -> ofRun(new RunFolder(config.path("out")).cache());
            default -> Path.of(config.text("data.cache"));
        };
    }

    private Path ofRun(Path cache) {
        return writes || Files.isDirectory(cache) ? cache : null;
    }

    private Mixture mixture(RowStore rows) {
        List<Double> weights = config.reals("data.weights");
        List<Integer> ends = rows.stats().sourceEnds();
        for (int i = 0; i < weights.size(); i++) {
            if (weights.get(i) > 0 && ends.get(i) == (i == 0 ? 0 : ends.get(i - 1))) {
                throw new DataException(config.paths("data.train").get(i) + ": no row is left, and it has a weight in data.weights");
            }
        }
        return new Mixture(ends, weights, config.integer("seed"), config.flag("data.shuffle"));
    }

    private void tell(String key, RowStore rows) {
        RowStats stats = rows.stats();
        StringBuilder note = new StringBuilder(String.format(Locale.ROOT, "%s: %,d rows of ", key, rows.size()));
        note.append(layouts(stats));
        for (Map.Entry<String, Integer> reason : stats.dropped().entrySet()) {
            note.append(String.format(Locale.ROOT, ", %,d dropped (%s)", reason.getValue(), reason.getKey()));
        }
        if (stats.cutPrompts() + stats.cutAnswers() > 0) {
            note.append(String.format(Locale.ROOT, ", %,d prompts and %,d answers cut", stats.cutPrompts(), stats.cutAnswers()));
        }
        if (stats.repeatedPrompts() > 0) {
            note.append(String.format(Locale.ROOT, ", %,d with the prompt of an earlier row", stats.repeatedPrompts()));
        }
        if (stats.onlinePairs() > 0) {
            boolean taken = key.equals("data.train") && recipe.online(config) == Preparation.Online.TAKE;
            note.append(String.format(Locale.ROOT, ", %,d with an online pair%s", stats.onlinePairs(), taken ? "" : ", which is not read"));
        }
        if (stats.bad() > 0) {
            note.append(String.format(Locale.ROOT, ", %,d bad rows skipped", stats.bad()));
        }
        listener.note(note.toString());
        stats.skipped().stream().limit(SHOWN).forEach(line -> listener.note("  skipped " + line));
        if (stats.bad() > SHOWN) {
            listener.note(String.format(Locale.ROOT, "  and %,d more: a run lists them in %s",
                    stats.bad() - SHOWN, new RunFolder(config.path("out")).skipped()));
        }
    }

    /** Files by their layout; of many files of one layout the first is named. */
    private static String layouts(RowStats stats) {
        Map<String, List<RowStats.FileRows>> bySchema =
                stats.files().stream().collect(Collectors.groupingBy(RowStats.FileRows::schema, Collectors.toList()));
        return bySchema.entrySet().stream()
                .map(entry -> entry.getValue().get(0).path()
                        + (entry.getValue().size() > 1 ? " and " + (entry.getValue().size() - 1) + " more" : "")
                        + " (" + entry.getKey() + ")")
                .sorted()
                .collect(Collectors.joining(", "));
    }

    /** Bytes of the files, as the phase's progress. */
    private final class ReadingProgress implements DataFiles.Watch {
        private boolean begun;

        @Override
        public void at(long bytes, long all, long rows) {
            if (!begun) {
                listener.begin("tokenizing (MiB of data)", Math.max(1, all >> 20));
                begun = true;
            }
            listener.progress(bytes >> 20, String.format(Locale.ROOT, "%,d rows", rows));
            stop.check();
        }
    }
}
