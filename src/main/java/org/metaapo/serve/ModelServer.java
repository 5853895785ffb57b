package org.metaapo.serve;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.GenerationLoop;
import org.metaapo.engine.Generator;
import org.metaapo.engine.GeneratorOptions;
import org.metaapo.error.UsageException;
import org.metaapo.jobs.Policy;
import org.metaapo.model.ModelConfig;

/** Models that are loaded and answer an {@link ApiServer}'s clients. */
public final class ModelServer implements AutoCloseable {
    /** How long those who are being answered have when the server stops. */
    private static final long DRAIN_MILLIS = 30_000;
    /** A processor's memory is others' too, and all of a cache is touched before the first answer. */
    private static final long CPU_CACHE_BYTES = 2L << 30;

    private final ApiServer api;
    private final List<Running> running = new ArrayList<>();

    /**
     * A model to serve.
     *
     * @param id its name in requests
     * @param engine its own, for calls on one engine do not overlap
     */
    public record Source(String id, Policy policy, Engine engine) {}

    /** What answers for one model. */
    private record Running(AdaptedFolder.Loaded weights, Generator generator, GenerationLoop loop, ServedModel model) {}

    /**
     * Loads the weights of one model and begins to answer. The policy and the engine stay the caller's, to be closed after this.
     *
     * @param api listens already; closed with this
     * @param id the model's name in requests
     * @param variables of the chat template, which a request's own go before
     * @param note hears lines for people
     */
    public ModelServer(
            ApiServer api, Policy policy, Engine engine, Dtype dtype, String id, ServeRoom room, Map<String, Object> variables, Consumer<String> note) {
        this(api, List.of(new Source(id, policy, engine)), dtype, model -> room, variables, note);
        ServedModel model = running.get(0).model();
        note.accept(String.format(Locale.ROOT, "%s at http://%s:%d/v1: %,d answers at once, %,d tokens of cache, %,d tokens an answer and its prompt",
                id, api.shownHost(), api.port(), room.sequences(), model.cacheTokens(), model.maxModelLength()));
    }

    /** As the other, for several models of different names, each with its own room. */
    public ModelServer(
            ApiServer api, List<Source> sources, Dtype dtype, Function<Policy, ServeRoom> rooms, Map<String, Object> variables, Consumer<String> note) {
        this.api = api;
        try {
            sources.forEach(source -> running.add(load(source, dtype, rooms.apply(source.policy()), variables, note)));
        } catch (RuntimeException e) {
            running.forEach(ModelServer::end);
            throw e;
        }
        api.start(new ServedModels(running.stream().map(Running::model).toList()));
    }

    private static Running load(Source source, Dtype dtype, ServeRoom room, Map<String, Object> variables, Consumer<String> note) {
        AdaptedFolder.Loaded weights = source.policy().load(source.engine(), dtype);
        try {
            ModelConfig config = source.policy().config();
            long cacheTokens = room.cacheTokens() > 0 ? room.cacheTokens() : cacheTokens(config, dtype, room.sequences(), source.engine());
            Generator generator = weights.network().generator(new GeneratorOptions(room.sequences(), cacheTokens));
            GenerationLoop loop = new GenerationLoop(generator, room.sequences() + room.queue(), note);
            return new Running(weights, generator, loop, new ServedModel(source.id(), System.currentTimeMillis() / 1000, source.policy().format(), config,
                    cacheTokens, room.newTokens(), variables, seeds(room.seed()), loop));
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    private static LongSupplier seeds(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        return () -> {
            synchronized (random) {
                return random.nextLong();
            }
        };
    }

    private static long cacheTokens(ModelConfig config, Dtype dtype, int sequences, Engine engine) {
        long bytes = 2L * config.layers() * config.kvHeads() * config.headDim() * (dtype == Dtype.F32 ? 4 : 2);
        long most = Math.min(Integer.MAX_VALUE / 2, (long) sequences * config.maxPositions());
        long held = engine.info().memoryFree() / 2 / bytes;
        if (!engine.device().isCuda()) {
            most = Math.min(most, Math.max(config.maxPositions(), CPU_CACHE_BYTES / bytes));
        }
        if (held < 1) {
            throw new UsageException("half of the free memory holds no cache; say how much with --cache-tokens");
        }
        return Math.min(most, held);
    }

    /**
     * Refuses new requests and waits for those that are being answered, half a minute at most.
     *
     * @return whether all were answered to their end
     */
    public boolean drain() {
        try {
            return api.drain(DRAIN_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Ends what is still answered, and gives the memory back. */
    @Override
    public void close() {
        running.forEach(one -> one.loop().close());
        api.close();
        running.forEach(ModelServer::end);
    }

    private static void end(Running one) {
        one.loop().close();
        one.generator().close();
        one.weights().close();
    }
}
