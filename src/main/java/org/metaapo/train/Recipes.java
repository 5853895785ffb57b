package org.metaapo.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.metaapo.config.RunConfig;
import org.metaapo.data.DataFiles;
import org.metaapo.data.EncodedRow;
import org.metaapo.data.Row;
import org.metaapo.data.RowEncoder;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.files.RunLock;
import org.metaapo.model.ModelFolder;
import org.metaapo.reward.RewardSource;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.ChatOptions;
import org.metaapo.text.Tokenizer;

/** Runs a configuration. Config and data are checked before any weight is read. */
public final class Recipes {
    private Recipes() {}

    /**
     * Runs a recipe to its end, from its newest valid checkpoint where there is one. A run that is finished already is left
     * as it is.
     *
     * @throws org.metaapo.error.InterruptedRunException after a stop, with a checkpoint taken
     */
    public static Totals run(RunConfig config, RunListener listener, StopSignal stop) {
        Recipe recipe = Recipe.of(config);
        Path policyPath = config.path("model.path");
        try (ModelFolder source = ModelFolder.open(policyPath);
                Tokenizer tokenizer = Tokenizer.load(policyPath)) {
            if (tokenizer.vocabularySize() > source.config().vocabSize()) {
                throw new DataException(policyPath + ": the tokenizer has ids up to " + (tokenizer.vocabularySize() - 1)
                        + ", the model's vocabulary " + source.config().vocabSize() + " tokens");
            }
            RunData data = read(config, recipe, source, tokenizer, listener);
            checkPositions(source, data);
            checkReference(config, recipe, source);
            checkReward(config, recipe);
            RunFolder folder = new RunFolder(config.path("out"));
            try (RunLock lock = RunLock.acquire(folder.path())) {
                if (isFinished(folder)) {
                    listener.note(folder.path() + " is finished; delete it, or give another out, to run again");
                    return new Totals();
                }
                String fingerprint = RunFingerprint.of(config, data.rows(), data.evaluation(), source);
                try (Run run = new Run(config, recipe, data, source, fingerprint, listener, stop)) {
                    return run.run();
                }
            }
        }
    }

    /** The size of a run: reads config, tokenizer and data, and no weights. */
    public static RunSize size(RunConfig config, RunListener listener) {
        Recipe recipe = Recipe.of(config);
        Path policyPath = config.path("model.path");
        try (ModelFolder source = ModelFolder.open(policyPath);
                Tokenizer tokenizer = Tokenizer.load(policyPath)) {
            RunData data = read(config, recipe, source, tokenizer, listener);
            boolean share = config.flag("data.share_prompts");
            long tokens = data.rows().stream().mapToLong(row -> new TrainRow(row, null, null).tokens(share)).sum();
            long batch = config.integer("train.batch");
            long steps = (data.rows().size() + batch - 1) / batch * config.integer("train.epochs");
            return new RunSize(
                    data.rows().size(), tokens, steps, data.longestPack(recipe, config), source.config().parameters(),
                    RunMemory.of(config, recipe, source.config(), data));
        }
    }

    /** The tokens of a run's data, as {@link #run} would use them; also tells what was dropped. */
    private static RunData read(
            RunConfig config, Recipe recipe, ModelFolder source, Tokenizer tokenizer, RunListener listener) {
        boolean markedOnly = config.text("data.loss").equals("generation");
        if (markedOnly && recipe != Recipe.SFT) {
            throw new UsageException("data.loss: generation is for recipe sft, found recipe " + config.text("recipe"));
        }
        String template = config.text("data.chat_template").equals("auto") ? null : config.text("data.chat_template");
        boolean keepTail = recipe == Recipe.REWARD_MODEL || config.flag("data.keep_template_tail");
        ChatFormat format = ChatFormat.load(
                source.path(), tokenizer, source.stopIds(), new ChatOptions(keepTail, template, markedOnly));
        List<EncodedRow> rows = encode(config, recipe, "data.train", format, listener);
        List<EncodedRow> evaluation = config.paths("data.eval").isEmpty()
                ? List.of()
                : encode(config, recipe, "data.eval", format, listener);
        return new RunData(rows, evaluation, format, source.config().maxPositions());
    }

    private static List<EncodedRow> encode(
            RunConfig config, Recipe recipe, String key, ChatFormat format, RunListener listener) {
        List<Path> files = config.paths(key);
        boolean skip = config.text("data.on_error").equals("skip");
        DataFiles.Loaded loaded = DataFiles.load(
                files, new DataFiles.Options(key.equals("data.train") ? "train" : "test", skip, config.integer("seed")));
        for (Row row : loaded.rows()) {
            if (recipe.isPairwise() ? !row.isPair() : row.chosen() == null) {
                throw new DataException(row.source() + ": recipe " + config.text("recipe") + " needs "
                        + (recipe.isPairwise() ? "chosen and rejected" : "an answer: messages, completion or chosen"));
            }
        }
        RowEncoder.Encoded encoded = new RowEncoder(
                        format, config.count("data.max_length"), config.count("data.max_prompt_length"))
                .encode(loaded.rows(), skip);
        int skipped = loaded.skipped().size() + encoded.skipped().size();
        StringBuilder note = new StringBuilder().append(encoded.rows().size()).append(" rows");
        loaded.dropped().forEach((reason, count) -> note.append(", ").append(count).append(" dropped (").append(reason).append(')'));
        encoded.dropped().forEach((reason, count) -> note.append(", ").append(count).append(" dropped (").append(reason).append(')'));
        if (encoded.cutPrompts() + encoded.cutAnswers() > 0) {
            note.append(", ").append(encoded.cutPrompts()).append(" prompts and ").append(encoded.cutAnswers()).append(" answers cut");
        }
        if (skipped > 0) {
            note.append(", ").append(skipped).append(" bad rows skipped");
        }
        listener.note(note + " of " + String.join(", ", files.stream().map(Path::toString).toList()));
        if (encoded.rows().isEmpty()) {
            throw new DataException(files.get(0) + ": no row is left (" + note + ")");
        }
        return encoded.rows();
    }

    private static void checkPositions(ModelFolder source, RunData data) {
        for (EncodedRow row : data.rows()) {
            int longest = row.prompt().length
                    + Math.max(row.chosen().length, row.rejected() == null ? 0 : row.rejected().length);
            if (longest > source.config().maxPositions()) {
                throw new DataException(row.row().source() + ": " + longest + " tokens, the model has "
                        + source.config().maxPositions() + " positions; lower data.max_length");
            }
        }
    }

    private static void checkReference(RunConfig config, Recipe recipe, ModelFolder source) {
        Path path = config.path("reference.path");
        if (path == null || !recipe.needsReference(recipe.objective(config))) {
            return;
        }
        try (ModelFolder other = ModelFolder.open(path)) {
            other.checkReferenceOf(source);
        }
    }

    /** The source of rewards is looked at before weights are loaded. */
    private static void checkReward(RunConfig config, Recipe recipe) {
        RewardSource reward = recipe.rewards(config);
        if (reward != null) {
            reward.check();
        }
    }

    private static boolean isFinished(RunFolder folder) {
        if (!Files.isRegularFile(folder.metrics()) || !Files.isDirectory(folder.model())) {
            return false;
        }
        try (java.util.stream.Stream<String> lines = Files.lines(folder.metrics())) {
            return lines.anyMatch(line -> line.contains("\"kind\":\"end\""));
        } catch (java.io.IOException | java.io.UncheckedIOException e) {
            return false;
        }
    }
}
