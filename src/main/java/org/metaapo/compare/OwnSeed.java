package org.metaapo.compare;

import java.nio.file.Path;
import java.util.List;
import org.metaapo.demo.WorldQuality;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/**
 * The user's models and data, which the suite's common keys name; the same for every seed, and without a gold reward.
 *
 * @param test files with the prompts of the table
 * @param validation files with the prompts that a grid is chosen on; may be empty
 */
record OwnSeed(List<Path> test, List<Path> validation) implements SeedWorld {
    @Override
    public void make(RunListener listener, StopSignal stop) {}

    @Override
    public boolean isMade() {
        return true;
    }

    @Override
    public int work() {
        return 0;
    }

    @Override
    public String settings() {
        return "";
    }

    @Override
    public List<Path> prompts(Split split) {
        return split == Split.TEST ? test : validation;
    }

    @Override
    public WorldQuality quality() {
        return null;
    }

    @Override
    public List<String> kinds() {
        return List.of();
    }

    @Override
    public boolean hasGold() {
        return false;
    }

    @Override
    public double gold(Split split, int prompt, String answer) {
        throw new IllegalStateException("no gold reward");
    }

    @Override
    public double gold(String prompt, String answer) {
        return Double.NaN;
    }
}
