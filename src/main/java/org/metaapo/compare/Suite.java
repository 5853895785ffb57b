package org.metaapo.compare;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.config.AdapterKeys;
import org.metaapo.config.RewardKeys;
import org.metaapo.config.RunConfig;
import org.metaapo.config.YamlText;
import org.metaapo.demo.WorldTerms;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;
import org.metaapo.train.RunFolder;

/**
 * What to compare.
 *
 * @param where names the suite's file in messages
 * @param out folder of everything that is made
 * @param starts folder of the models that the methods begin with, which suites may share; unused with the user's own prompts
 * @param terms of the demo's world, or of the one like the paper's; null for the user's own
 * @param own the user's prompts; null for one of those worlds
 * @param seeds of the worlds and runs
 * @param threads of each run
 * @param parallel runs at once
 * @param answers answers to each held-out prompt
 * @param baseline the method that the others are tested against
 * @param common keys of all methods; a later layer's go before an earlier one's
 * @param methods in the order of the table
 */
public record Suite(
        String where, Path out, Path starts, WorldTerms terms, OwnSeed own, List<Long> seeds, int threads, int parallel, int answers, String baseline,
        List<RunConfig.Layer> common, List<Method> methods) {
    /** Name of the row of the model that all methods start from. */
    static final String START = "sft";

    /** Makes of common keys, which may name a method too, a configuration that needs a source of rewards and nothing else. */
    private static final List<String> OF_NO_METHOD = List.of(
            "recipe=metaapo", "rollout.decision=adaptive", "objective.name=dpo", "objective.class=null", "objective.class_path=[]");

    /** Folder of a seed. */
    Path folder(long seed) {
        return out.resolve("seed-" + seed);
    }

    /** The world of a seed. */
    SeedWorld world(long seed) {
        return own == null ? new DemoSeed(folder(seed).resolve("world"), starts, terms, seed, threads) : own;
    }

    /** What all methods share: models, data, the source of rewards, device and lengths. */
    RunConfig shared(SeedWorld world, long seed) {
        return named("common", () -> RunConfig.layered(
                layers(world, List.of()), where, fixed(seed, folder(seed), OF_NO_METHOD)));
    }

    /** The method of a name. */
    Method method(String name) {
        return methods.stream().filter(method -> method.name().equals(name)).findFirst().orElseThrow();
    }

    /**
     * The configuration of a run.
     *
     * @throws UsageException if it is wrong, or begins with a result that is no model
     */
    RunConfig config(Method method, int setting, SeedWorld world, long seed) {
        List<String> overrides = new ArrayList<>(method.grid().get(setting));
        if (method.after() != null) {
            RunFolder start = new RunFolder(folder(seed).resolve(method(method.after()).folder(0)));
            overrides.add("model.path=" + Json.write(start.model().toString()));
            overrides.add("reference.path=" + Json.write(shared(world, seed).path("model.path").toString()));
        }
        RunConfig config = layered(method, setting, world, seed, overrides);
        if (method.after() != null) {
            checkStart(method, config, config(method(method.after()), 0, world, seed));
        }
        if (config.isSet(RewardKeys.ADAPTER) && !config.isSet(RewardKeys.PATH)) {
            RunConfig shared = shared(world, seed);
            // A reward model that all methods share does not change with the model that one of them begins with.
            if (config.path(RewardKeys.ADAPTER).equals(shared.path(RewardKeys.ADAPTER)) && !config.path("model.path").equals(shared.path("model.path"))) {
                overrides.add(RewardKeys.PATH + "=" + Json.write(shared.path("model.path").toString()));
                return layered(method, setting, world, seed, overrides);
            }
        }
        return config;
    }

    private RunConfig layered(Method method, int setting, SeedWorld world, long seed, List<String> overrides) {
        return named("method " + method.name(), () -> RunConfig.layered(
                layers(world, List.of(method.keys())), where, fixed(seed, folder(seed).resolve(method.folder(setting)), overrides)));
    }

    /** Whether a method that comes after another can begin with the model that the other writes. */
    private void checkStart(Method method, RunConfig config, RunConfig other) {
        String names = where + ": method " + method.name() + " comes after " + method.after();
        if (config.path("adapter.path") != null || other.path("adapter.path") != null) {
            throw new UsageException(names + ", and adapter.path is set; expected adapter.rank, or no adapter, with which a result is a model of its own");
        }
        if (AdapterKeys.asked(other) && !other.flag("adapter.merge")) {
            throw new UsageException(names + ", whose result is an adapter alone; expected adapter.merge: true there, which writes a model to begin with");
        }
        if (AdapterKeys.asked(config) && !config.text("reference.update").equals("never")) {
            throw new UsageException(names + " and trains an adapter, and reference.update: " + config.text("reference.update")
                    + " has the reference follow it, which begins as another model; expected reference.update: never, or no adapter");
        }
    }

    private List<RunConfig.Layer> layers(SeedWorld world, List<RunConfig.Layer> own) {
        List<RunConfig.Layer> all = new ArrayList<>(List.of(settings(world)));
        all.addAll(common);
        all.addAll(own);
        return all;
    }

    private static RunConfig.Layer settings(SeedWorld world) {
        return new RunConfig.Layer(YamlText.compose(world.settings(), "world"), "world", true);
    }

    private List<String> fixed(long seed, Path folder, List<String> overrides) {
        List<String> all = new ArrayList<>(overrides);
        all.addAll(List.of("out=" + Json.write(folder.toString()), "seed=" + seed, "threads=" + threads));
        return all;
    }

    private static RunConfig named(String what, java.util.function.Supplier<RunConfig> config) {
        try {
            return config.get();
        } catch (UsageException e) {
            throw new UsageException(what + ": " + e.getMessage(), e);
        }
    }
}
