package org.metaapo.reward;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.config.RewardKeys;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Model;
import org.metaapo.files.SamePath;
import org.metaapo.ranks.Ranks;

/** Where a configuration's rewards come from: the keys {@code reward.*}. */
public final class RewardSource {
    private final RunConfig config;
    private final Map<String, String> environment;
    private final String kind;

    private RewardSource(RunConfig config, Map<String, String> environment, String kind) {
        this.config = config;
        this.environment = environment;
        this.kind = kind;
    }

    /** The source of a configuration, or null if it names none. */
    public static RewardSource of(RunConfig config) {
        return of(config, System.getenv());
    }

    /** As {@link #of(RunConfig)}, with another environment for secrets. */
    static RewardSource of(RunConfig config, Map<String, String> environment) {
        String key = RewardKeys.source(config);
        return key == null ? null : new RewardSource(config, environment, key);
    }

    /** Whether it is a model that runs in the engine. */
    public boolean isLocal() {
        return kind.equals(RewardKeys.PATH);
    }

    /** Folder of a local model; of an adapter its base, which is the policy's where the configuration names no other. */
    public Path base() {
        return config.path(config.isSet(RewardKeys.PATH) ? RewardKeys.PATH : "model.path");
    }

    /** A local model in words: its folders. */
    public String name() {
        return base() + (config.path(RewardKeys.ADAPTER) == null ? "" : " with the adapter " + config.path(RewardKeys.ADAPTER));
    }

    /** Opens the folders of a local model. */
    public AdaptedFolder folder() {
        return AdaptedFolder.open(base(), config.path(RewardKeys.ADAPTER));
    }

    /** Whether it is an adapter over the same model as the policy, whose weights serve both as long as they are not trained. */
    public boolean isOverThePolicy() {
        return isLocal() && config.path(RewardKeys.ADAPTER) != null && SamePath.same(base(), config.path("model.path"));
    }

    /** All that decides a score beside the messages and the answer; empty for a local model, which is a folder. */
    public String identity() {
        if (isLocal()) {
            return "";
        }
        try (QuestionSource source = source()) {
            return source.identity();
        }
    }

    /**
     * Looks at all that can be looked at without loading weights or calling anything.
     *
     * @throws org.metaapo.error.UsageException if an address, a secret, a class or a program is missing or wrong
     * @throws org.metaapo.error.DataException if the folder of a local model is none
     */
    public void check() {
        if (isLocal()) {
            reader().close();
        } else {
            source().close();
        }
    }

    /**
     * Opens the source on ranks, which share a local model's work; the leader alone asks any other.
     *
     * @param engine of a local model; may be null for others
     * @param dtype of a local model
     * @param maxTokens of one forward of a local model
     * @param cache file of the scores that were paid for; null to forget them at the end
     */
    public Annotator open(Engine engine, Dtype dtype, long maxTokens, Path cache, Ranks ranks) {
        return new SharedAnnotator(ranks, isLocal(), () -> opened(engine, dtype, maxTokens, cache));
    }

    /** As the other, on this rank alone. */
    public Annotator open(Engine engine, Dtype dtype, long maxTokens, Path cache) {
        return open(engine, dtype, maxTokens, cache, Ranks.single());
    }

    private Annotator opened(Engine engine, Dtype dtype, long maxTokens, Path cache) {
        if (isLocal()) {
            try (AdaptedFolder folder = folder()) {
                return RewardModel.open(engine, folder, dtype, overlong(), maxTokens);
            }
        }
        QuestionSource source = source();
        try {
            String identity = source.identity();
            ScoreCache scores = ScoreCache.open(cache, identity);
            return switch (kind) {
                case RewardKeys.JUDGE -> new JudgeAnnotator(
                        new Asker(source, identity, scores, 1, config.count("reward.parallel")),
                        JudgeAnnotator.Pairs.valueOf(config.text("reward.judge_pairs").toUpperCase(Locale.ROOT)));
                case RewardKeys.URL -> new ServiceAnnotator(new Asker(source, identity, scores, config.count("reward.answers_per_request"), config.count("reward.parallel")));
                default -> new ServiceAnnotator(new Asker(source, identity, scores, config.count("reward.answers_per_request"), 1));
            };
        } catch (RuntimeException e) {
            source.close();
            throw e;
        }
    }

    /** Opens an adapter over the policy's weights, which are loaded. */
    public Annotator openOn(Model policy, long maxTokens, Ranks ranks) {
        return new SharedAnnotator(ranks, true, () -> {
            try (AdaptedFolder folder = folder()) {
                return RewardModel.on(policy, folder, overlong(), maxTokens);
            }
        });
    }

    /** What a local model does with conversations that are longer than it reads. */
    public Overlong overlong() {
        return Overlong.valueOf(config.text(RewardKeys.OVERLONG).toUpperCase(Locale.ROOT));
    }

    /** A local model's tokenizer and template. */
    public RewardReader reader() {
        try (AdaptedFolder folder = folder()) {
            return RewardReader.open(folder);
        }
    }

    private QuestionSource source() {
        Duration timeout = Duration.ofMillis(Math.max(1, Math.round(1000 * config.real("reward.timeout"))));
        int retries = config.count("reward.retries");
        return switch (kind) {
            case RewardKeys.URL -> new HttpService(config.text(RewardKeys.URL), token(), timeout, retries);
            case RewardKeys.JUDGE -> new Judge(
                    config.text(RewardKeys.JUDGE), config.text("reward.judge_model"), config.path("reward.judge_prompt"),
                    config.text("reward.judge_options"), token(), timeout, retries);
            case RewardKeys.CLASS -> new ClassService(config.text(RewardKeys.CLASS), config.paths("reward.class_path"), timeout);
            default -> new CommandService(config.texts(RewardKeys.COMMAND), timeout);
        };
    }

    private BearerToken token() {
        return BearerToken.of(config.text("reward.token_env"), Settings.REWARD, environment);
    }
}
