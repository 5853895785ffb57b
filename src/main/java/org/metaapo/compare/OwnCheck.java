package org.metaapo.compare;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.metaapo.config.RunConfig;
import org.metaapo.data.DataFiles;
import org.metaapo.data.Row;
import org.metaapo.reward.RewardSource;
import org.metaapo.text.Message;
import org.metaapo.train.Recipes;

/** Looks at the user's models, rewards, pairs and prompts before anything runs. A world that is made has what it needs by its making. */
final class OwnCheck {
    private OwnCheck() {}

    /**
     * Checks a suite's own world; no weights are read.
     *
     * @param prompts held-out ones of the table
     * @return what should be known of them, in sentences
     * @throws org.metaapo.error.UsageException if a model is not what its method needs
     * @throws org.metaapo.error.DataException if a folder or a file is not there or holds something wrong
     */
    static List<String> of(Suite suite, List<Row> prompts) {
        long seed = suite.seeds().get(0);
        RunConfig shared = suite.shared(suite.own(), seed);
        RewardSource.of(shared).check();
        Set<Path> pairs = new LinkedHashSet<>();
        boolean skips = false;
        for (Method method : suite.methods()) {
            RunConfig config = suite.config(method, 0, suite.own(), seed);
            // What a method begins with that comes after another is made of the model that all begin with.
            Recipes.checkSources(method.after() == null ? config : config.with("model.path", shared.path("model.path").toString()));
            pairs.addAll(config.paths("data.train"));
            skips |= config.text("data.on_error").equals("skip");
        }
        return repeated(prompts, List.copyOf(pairs), new DataFiles.Options("train", skips, seed));
    }

    private static List<String> repeated(List<Row> prompts, List<Path> pairs, DataFiles.Options options) {
        Map<List<Message>, Integer> heldOut = new HashMap<>();
        prompts.forEach(row -> heldOut.merge(row.prompt().conversation().turns(), 1, Integer::sum));
        Map<List<Message>, String> seen = new HashMap<>();
        DataFiles.read(pairs, options, row -> {
            if (heldOut.containsKey(row.prompt().conversation().turns())) {
                seen.putIfAbsent(row.prompt().conversation().turns(), row.source());
            }
        });
        int count = seen.keySet().stream().mapToInt(heldOut::get).sum();
        List<String> told = new ArrayList<>();
        if (count > 0) {
            Row first = prompts.stream().filter(row -> seen.containsKey(row.prompt().conversation().turns())).findFirst().orElseThrow();
            told.add(count + " of " + prompts.size() + " held-out prompts are trained on too (first: " + first.source() + ", which is "
                    + seen.get(first.prompt().conversation().turns()) + "): what answers to them are worth tells little about others.");
        }
        return told;
    }
}
