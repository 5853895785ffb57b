package org.metaapo.compare;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.commons.math3.stat.StatUtils;
import org.metaapo.config.RunConfig;
import org.metaapo.demo.WorldQuality;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.files.RunLock;
import org.metaapo.train.BaseWeights;
import org.metaapo.train.OutCheck;
import org.metaapo.train.Recipes;
import org.metaapo.train.RunFolder;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/** Runs a suite: every seed's world, then every method in it, each evaluated on the same prompts. Goes on where it stopped. */
final class Comparison {
    private final Suite suite;
    private final StopSignal stop;
    private final Board board;
    private final Workers workers;
    private final Map<Long, SeedWorld> worlds = new TreeMap<>();
    private final Map<String, Evaluator> evaluators = new ConcurrentHashMap<>();
    private final Map<Long, Evaluation> starts = new ConcurrentHashMap<>();
    private final List<String> ofPrompts;
    /** Inputs of finished runs that were found to be what they were. */
    private final Set<String> unchanged = ConcurrentHashMap.newKeySet();

    private Comparison(Suite suite, RunListener listener, StopSignal stop) {
        this.suite = suite;
        this.stop = stop;
        suite.seeds().forEach(seed -> worlds.put(seed, suite.world(seed)));
        checkConfigs();
        checkOut();
        this.ofPrompts = suite.own() == null ? List.of() : checkOwn();
        ofPrompts.forEach(listener::note);
        this.board = new Board(listener, suite.out().resolve("log.txt"), work(false), work(true));
        this.workers = new Workers(suite.parallel(), board, stop);
    }

    /**
     * Runs what is not finished yet.
     *
     * @throws UsageException if a method's configuration is wrong; nothing has run then
     * @throws org.metaapo.error.InterruptedRunException after a stop
     * @throws org.metaapo.error.MetaapoException if no seed's start could be made: what the first one failed of
     */
    static Results run(Suite suite, RunListener listener, StopSignal stop) {
        Comparison comparison = new Comparison(suite, listener, stop);
        try (RunLock lock = RunLock.acquire(suite.out())) {
            comparison.board.begin();
            try {
                return comparison.results();
            } finally {
                comparison.board.end();
            }
        }
    }

    private void checkOut() {
        Path out = suite.out();
        List<Path> written = new ArrayList<>(List.of(
                out.resolve("log.txt"), out.resolve("table.md"), out.resolve("results.csv"), out.resolve("report.html")));
        suite.seeds().forEach(seed -> written.add(suite.folder(seed)));
        if (suite.own() == null) {
            OutCheck.checkFolder(suite.starts(), "starts");
        }
        OutCheck.checkRunsFolder(out, written);
    }

    private void checkConfigs() {
        worlds.forEach((seed, world) -> {
            suite.shared(world, seed);
            for (Method method : suite.methods()) {
                for (int setting = 0; setting < method.grid().size(); setting++) {
                    suite.config(method, setting, world, seed);
                }
            }
        });
    }

    private List<String> checkOwn() {
        if (!choosing().isEmpty()) {
            evaluator(firstSeed(), Split.VALIDATION);
        }
        return OwnCheck.of(suite, evaluator(firstSeed(), Split.TEST).rows());
    }

    /** Units of work: all, or those that an earlier start has done. */
    private long work(boolean done) {
        long sum = 0;
        for (long seed : suite.seeds()) {
            sum += !done || worlds.get(seed).isMade() ? worlds.get(seed).work() : 0;
            for (Method method : suite.methods()) {
                sum += !done || !method.hasGrid() && isFinished(method, 0, seed) ? 1 : 0;
            }
        }
        for (Method method : choosing()) {
            for (int setting = 0; setting < method.grid().size(); setting++) {
                sum += !done || isFinished(method, setting, firstSeed()) ? 1 : 0;
            }
        }
        return sum;
    }

    private boolean isFinished(Method method, int setting, long seed) {
        return folder(method, setting, seed).end() != null;
    }

    private RunFolder folder(Method method, int setting, long seed) {
        return new RunFolder(suite.folder(seed).resolve(method.folder(setting)));
    }

    private List<Method> choosing() {
        return suite.methods().stream().filter(Method::hasGrid).toList();
    }

    private long firstSeed() {
        return suite.seeds().get(0);
    }

    private Results results() {
        Map<String, List<Results.Trial>> trials = choose();
        Map<String, Map<Long, RunResult>> found = new ConcurrentHashMap<>();
        List<Workers.Stage> stages = new ArrayList<>();
        for (long seed : suite.seeds()) {
            stages.add(new Workers.Stage(worldTask(seed), after(null, seed, trials, found)));
        }
        workers.run(stages);
        Map<Long, List<String>> kinds = new TreeMap<>();
        worlds.forEach((seed, world) -> kinds.put(seed, world.kinds()));
        Map<String, List<RunResult>> runs = inOrder(found);
        List<String> remarks = new ArrayList<>(ofPrompts);
        Map<String, List<List<SliceWeights>>> weights = weights(runs, remarks);
        return new Results(
                suite, runs, trials, failures(), kinds, quality(),
                evaluator(runs.get(Suite.START).get(0).seed(), Split.TEST).rows().stream().map(row -> row.prompt().shown()).toList(), weights, remarks);
    }

    /** Of the methods that learn weights; what cannot be read is told in {@code remarks}, for the table does not depend on it. */
    private Map<String, List<List<SliceWeights>>> weights(Map<String, List<RunResult>> runs, List<String> remarks) {
        Map<String, List<List<SliceWeights>>> weights = new LinkedHashMap<>();
        runs.forEach((method, ofMethod) -> {
            List<List<SliceWeights>> slices = new ArrayList<>();
            for (RunResult run : ofMethod) {
                try {
                    slices.add(run.folder() == null ? List.of() : SliceWeights.of(run.folder(), worlds.get(run.seed())::gold));
                } catch (DataException e) {
                    remarks.add("The weights of " + method + ", seed " + run.seed() + ", are not told: " + e.getMessage() + ".");
                }
            }
            slices.removeIf(List::isEmpty);
            if (!slices.isEmpty()) {
                weights.put(method, slices);
            }
        });
        return weights;
    }

    private WorldQuality quality() {
        List<WorldQuality> all = suite.seeds().stream().filter(starts::containsKey).map(seed -> worlds.get(seed).quality()).filter(Objects::nonNull).toList();
        return all.isEmpty() ? null : new WorldQuality(
                all.stream().mapToDouble(WorldQuality::pairs).average().orElseThrow(),
                all.stream().mapToDouble(WorldQuality::rewards).average().orElseThrow());
    }

    /** The runs that begin with a method's result; with the start of all for null. */
    private List<Workers.Stage> after(
            String start, long seed, Map<String, List<Results.Trial>> trials, Map<String, Map<Long, RunResult>> found) {
        List<Workers.Stage> runs = new ArrayList<>();
        for (Method method : suite.methods()) {
            int setting = chosen(method, trials.get(method.name()));
            if (setting >= 0 && Objects.equals(method.after(), start)) {
                Task task = new Task(name(method, seed), 1, 1, !method.hasGrid() && isFinished(method, 0, seed), listener ->
                        found.computeIfAbsent(method.name(), name -> new ConcurrentHashMap<>())
                                .put(seed, measured(method, setting, seed, listener)));
                runs.add(new Workers.Stage(task, after(method.name(), seed, trials, found)));
            }
        }
        return runs;
    }

    private Map<String, List<RunResult>> inOrder(Map<String, Map<Long, RunResult>> found) {
        Map<String, List<RunResult>> runs = new LinkedHashMap<>();
        List<RunResult> start = suite.seeds().stream().filter(starts::containsKey)
                .map(seed -> new RunResult(seed, List.of(), List.of(), starts.get(seed))).toList();
        if (start.isEmpty()) {
            throw workers.failures().get(worldName(firstSeed()));
        }
        runs.put(Suite.START, start);
        for (Method method : suite.methods()) {
            Map<Long, RunResult> ofMethod = found.getOrDefault(method.name(), Map.of());
            List<RunResult> list = suite.seeds().stream().filter(ofMethod::containsKey).map(ofMethod::get).toList();
            if (!list.isEmpty()) {
                runs.put(method.name(), list);
            }
        }
        return runs;
    }

    private Map<String, String> failures() {
        Map<String, String> lines = new TreeMap<>();
        workers.failures().forEach((task, failure) -> lines.put(task, failure.getMessage()));
        return lines;
    }

    private static String worldName(long seed) {
        return "world of seed " + seed;
    }

    private static String name(Method method, long seed) {
        return method.name() + ", seed " + seed;
    }

    private Task worldTask(long seed) {
        SeedWorld world = worlds.get(seed);
        return new Task(worldName(seed), world.work(), 2, world.isMade(), listener -> {
            world.make(listener, stop);
            RunConfig shared = suite.shared(world, seed);
            starts.put(seed, evaluator(seed, Split.TEST).of(
                    shared.path("model.path"), shared.path("adapter.path"), BaseWeights.asked(shared), suite.folder(seed).resolve("start"), listener, stop));
        });
    }

    private Evaluator evaluator(long seed, Split split) {
        SeedWorld world = worlds.get(seed);
        return evaluators.computeIfAbsent(
                split + " " + seed, key -> new Evaluator(suite.shared(world, seed), world, split, suite.answers()));
    }

    /** Trains a method where that is not done yet. */
    private RunFolder train(Method method, int setting, long seed, RunListener listener) {
        RunConfig config = suite.config(method, setting, worlds.get(seed), seed);
        RunFolder folder = folder(method, setting, seed);
        Recipes.checkOut(config);
        if (folder.end() == null) {
            Recipes.run(config, listener, stop);
        } else {
            Recipes.checkFinished(config, unchanged, listener, stop);
        }
        return folder;
    }

    private RunResult measured(Method method, int setting, long seed, RunListener listener) {
        RunFolder folder = train(method, setting, seed, listener);
        Evaluator evaluator = evaluator(seed, Split.TEST);
        boolean isNew = evaluator.known(folder.path()) == null;
        Evaluation evaluation = evaluated(method, setting, seed, Split.TEST, folder, listener);
        if (isNew) {
            board.note(String.format(Locale.ROOT, "%s: %s %.3f, start %.3f, win rate %.3f", name(method, seed),
                    evaluation.gold() == null ? "reward" : "gold reward", mean(evaluation.measure()), mean(starts.get(seed).measure()),
                    StatUtils.mean(evaluation.wins(starts.get(seed)))));
        }
        return new RunResult(seed, method.grid().get(setting), chain(method, setting, seed), evaluation);
    }

    /** The run, and before it those that it began with. */
    private List<RunFolder> chain(Method method, int setting, long seed) {
        List<RunFolder> runs = new ArrayList<>(method.after() == null ? List.of() : chain(suite.method(method.after()), 0, seed));
        runs.add(folder(method, setting, seed));
        return runs;
    }

    /** Evaluates a run's result: an adapter over what it was trained on, without a merged copy, or a model. */
    private Evaluation evaluated(Method method, int setting, long seed, Split split, RunFolder folder, RunListener listener) {
        boolean adapts = Files.isDirectory(folder.adapter());
        RunConfig run = suite.config(method, setting, worlds.get(seed), seed);
        return adapts
                ? evaluator(seed, split).of(run.path("model.path"), folder.adapter(), BaseWeights.asked(run), folder.path(), listener, stop)
                : evaluator(seed, split).of(folder.model(), null, null, folder.path(), listener, stop);
    }

    private static double mean(double[][] values) {
        return StatUtils.mean(Evaluation.means(values));
    }

    /** Tries the settings of all grids at the first seed, on its validation prompts. */
    private Map<String, List<Results.Trial>> choose() {
        Map<String, List<Results.Trial>> trials = new LinkedHashMap<>();
        if (choosing().isEmpty()) {
            return trials;
        }
        long seed = firstSeed();
        Map<String, double[]> rewards = new ConcurrentHashMap<>();
        List<Workers.Stage> runs = new ArrayList<>();
        for (Method method : choosing()) {
            double[] ofMethod = new double[method.grid().size()];
            Arrays.fill(ofMethod, Double.NaN);
            rewards.put(method.name(), ofMethod);
            for (int i = 0; i < ofMethod.length; i++) {
                int setting = i;
                String name = method.name() + " with " + String.join(" ", method.grid().get(i)) + ", seed " + seed;
                runs.add(Workers.Stage.of(new Task(name, 1, 1, isFinished(method, i, seed), listener -> {
                    RunFolder folder = train(method, setting, seed, listener);
                    ofMethod[setting] = mean(evaluated(method, setting, seed, Split.VALIDATION, folder, listener).reward());
                })));
            }
        }
        workers.run(List.of(new Workers.Stage(worldTask(seed), runs)));
        for (Method method : choosing()) {
            double[] ofMethod = rewards.get(method.name());
            int best = best(ofMethod);
            List<Results.Trial> list = new ArrayList<>();
            for (int i = 0; i < ofMethod.length; i++) {
                list.add(new Results.Trial(method.grid().get(i), ofMethod[i], i == best));
            }
            trials.put(method.name(), list);
        }
        return trials;
    }

    /** Index of the largest number; -1 where all are NaN. */
    private static int best(double[] values) {
        int best = -1;
        for (int i = 0; i < values.length; i++) {
            if (!Double.isNaN(values[i]) && (best < 0 || values[i] > values[best])) {
                best = i;
            }
        }
        return best;
    }

    private static int chosen(Method method, List<Results.Trial> trials) {
        if (!method.hasGrid()) {
            return 0;
        }
        for (int i = 0; i < trials.size(); i++) {
            if (trials.get(i).chosen()) {
                return i;
            }
        }
        return -1;
    }
}
