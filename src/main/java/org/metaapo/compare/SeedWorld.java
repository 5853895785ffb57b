package org.metaapo.compare;

import java.nio.file.Path;
import java.util.List;
import org.metaapo.demo.WorldQuality;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/** What all methods of a seed share: start, data, held-out prompts, and the gold reward where there is one. */
interface SeedWorld {
    /** Makes what is to be made, going on where an earlier call stopped. */
    void make(RunListener listener, StopSignal stop);

    /** Whether there is nothing left to make. */
    boolean isMade();

    /** Work of {@link #make} in units of a method's run, about. */
    int work();

    /** YAML of the keys that all methods have; the suite's own go before them. */
    String settings();

    /** Files with the held-out prompts. */
    List<Path> prompts(Split split);

    /** How good pairs and rewards are, by gold; null where there is none. */
    WorldQuality quality();

    /** Kind of each test prompt, in a word or two; empty where prompts have none. */
    List<String> kinds();

    /** Whether answers have a gold reward. */
    boolean hasGold();

    /** Gold reward of an answer to a prompt of a split, by the prompt's number from 0. */
    double gold(Split split, int prompt, String answer);

    /** Gold reward of an answer to any of this world's prompts, of the text that runs show; NaN where there is none. */
    double gold(String prompt, String answer);
}
