package org.metaapo.compare;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
 * @param terms of the demo's world, or of the one like the paper's; null for the user's own
 * @param own the user's prompts; null for one of those worlds
 * @param seeds of the worlds and runs
 * @param threads of each run
 * @param parallel runs at once
 * @param answers answers to each held-out prompt
 * @param baseline the method that the others are tested against
 * @param common keys of all methods
 * @param methods in the order of the table
 */
public record Suite(
        String where, Path out, WorldTerms terms, OwnSeed own, List<Long> seeds, int threads, int parallel, int answers, String baseline,
        RunConfig.Layer common, List<Method> methods) {
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
        return own == null ? new DemoSeed(folder(seed).resolve("world"), terms, seed, threads) : own;
    }

    /** What all methods share: models, data, the source of rewards, device and lengths. */
    RunConfig shared(SeedWorld world, long seed) {
        return named("common", () -> RunConfig.layered(
                List.of(settings(world), common), where, fixed(seed, folder(seed), OF_NO_METHOD)));
    }

    /** The method of a name. */
    Method method(String name) {
        return methods.stream().filter(method -> method.name().equals(name)).findFirst().orElseThrow();
    }

    /** The configuration of a run. */
    RunConfig config(Method method, int setting, SeedWorld world, long seed) {
        List<String> overrides = new ArrayList<>(method.grid().get(setting));
        if (method.after() != null) {
            RunFolder start = new RunFolder(folder(seed).resolve(method(method.after()).folder(0)));
            overrides.add("model.path=" + Json.write(start.model().toString()));
            overrides.add("reference.path=" + Json.write(shared(world, seed).path("model.path").toString()));
        }
        return named("method " + method.name(), () -> RunConfig.layered(
                List.of(settings(world), common, method.keys()), where, fixed(seed, folder(seed).resolve(method.folder(setting)), overrides)));
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
