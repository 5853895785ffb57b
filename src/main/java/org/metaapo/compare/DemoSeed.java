package org.metaapo.compare;

import java.nio.file.Path;
import java.util.List;
import org.metaapo.demo.DemoWorld;
import org.metaapo.demo.WorldQuality;
import org.metaapo.demo.WorldTerms;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/** The demo's world, or another of the same machinery, of one seed. */
final class DemoSeed implements SeedWorld {
    private final DemoWorld world;

    /** Its start is in {@code starts}, in a folder of all worlds that have the same one. */
    DemoSeed(Path folder, Path starts, WorldTerms terms, long seed, int threads) {
        Path start = starts.resolve(terms.people() + "-threads-" + threads).resolve("seed-" + seed);
        this.world = new DemoWorld(folder, start, terms, seed, "auto", threads);
    }

    @Override
    public void make(RunListener listener, StopSignal stop) {
        world.make(listener, stop);
    }

    @Override
    public boolean isMade() {
        return world.isMade();
    }

    @Override
    public int work() {
        return 3;
    }

    @Override
    public String settings() {
        return String.join("\n", world.settings());
    }

    @Override
    public List<Path> prompts(Split split) {
        return List.of(split == Split.TEST ? world.testPrompts() : world.validationPrompts());
    }

    @Override
    public WorldQuality quality() {
        return world.quality();
    }

    @Override
    public List<String> kinds() {
        return world.kinds();
    }

    @Override
    public boolean hasGold() {
        return true;
    }

    @Override
    public double gold(Split split, int prompt, String answer) {
        return split == Split.TEST ? world.testGold(prompt, answer) : world.validationGold(prompt, answer);
    }

    @Override
    public double gold(String prompt, String answer) {
        return world.gold(prompt, answer);
    }
}
