package org.metaapo.demo;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.data.DataFiles;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Sampling;
import org.metaapo.files.RunLock;
import org.metaapo.jobs.Answering;
import org.metaapo.jobs.Policy;
import org.metaapo.ranks.Ranks;
import org.metaapo.train.OutCheck;
import org.metaapo.train.RunFolder;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/** The whole story: world, SFT, reward model, MetaAPO, and what it was worth on held-out prompts. */
public final class Demo {
    private static final int SEQUENCES = 64;

    private final DemoWorld world;
    private final long seed;
    private final int threads;
    private final DeviceSpec device;
    private final RunListener listener;
    private final StopSignal stop;

    private Demo(Path folder, WorldTerms terms, long seed, String device, int threads, RunListener listener, StopSignal stop) {
        this.world = new DemoWorld(folder, terms, seed, device, threads);
        this.seed = seed;
        this.device = DeviceSpec.parse(device);
        this.threads = threads;
        this.listener = listener;
        this.stop = stop;
    }

    /** Runs the demo in a folder, going on where an earlier one stopped; returns the text to print. Refuses one that has files of others. */
    public static String run(
            Path folder, WorldTerms terms, long seed, String device, int threads, RunListener listener, StopSignal stop) {
        Demo demo = new Demo(folder, terms, seed, device, threads, listener, stop);
        OutCheck.checkRunsFolder(folder, demo.world.written());
        try (RunLock lock = RunLock.acquire(folder)) {
            return demo.story();
        }
    }

    private String story() {
        long start = System.nanoTime();
        world.make(listener, stop);
        List<String> lines = new ArrayList<>(List.of("recipe: metaapo"));
        lines.addAll(world.settings());
        DemoRun metaapo = world.run("metaapo");
        metaapo.write(lines);
        listener.note("MetaAPO on old, partly stale preference pairs");
        metaapo.train(listener, stop);
        RunFolder run = metaapo.run();
        return new DemoSummary(world.terms(), world.test(), answers(world.startModel()), answers(run.model()), run.path(), seed)
                .text((System.nanoTime() - start) * 1e-9);
    }

    /** One sampled answer to each test prompt. */
    private List<String> answers(Path folder) {
        try (Engine engine = Engine.open(device, threads);
                Policy policy = Policy.open(folder);
                AdaptedFolder.Loaded model = policy.load(engine, Dtype.F32)) {
            Answering answering = new Answering(policy, DataFiles.load(List.of(world.testPrompts()), DataFiles.Options.STRICT).rows(), Ranks.single());
            Sampling sampling = new Sampling(1, world.maxNewTokens(), false, 0, 1, 1, seed, new int[0]);
            listener.begin("answering held-out prompts", answering.prompts().size());
            List<String> texts = answering
                    .texts(answering.write(model.network(), sampling, SEQUENCES, done -> listener.progress(done, ""), listener::note))
                    .stream()
                    .map(answers -> answers.get(0))
                    .toList();
            listener.end();
            return texts;
        }
    }
}
