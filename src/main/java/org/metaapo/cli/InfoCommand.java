package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.DeviceInfo;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Quantization;
import org.metaapo.engine.RankGroup;
import org.metaapo.error.DeviceException;
import org.metaapo.error.UsageException;
import org.metaapo.jobs.TrainingSpeed;
import org.metaapo.model.ModelFolder;
import org.metaapo.train.Trained;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo info}. */
@Command(name = "info", description = "Versions, device, memory, libraries; with --model or --config what is trained.", mixinStandardHelpOptions = true)
final class InfoCommand implements Callable<Integer> {
    @Mixin
    private CommonOptions common;

    @Option(names = "--model", paramLabel = "DIR", description = "folder of a model to tell of; no weights are read")
    private Path model;

    @Mixin
    private AdapterOption adapter;

    @Option(names = "--config", paramLabel = "CONFIG.yaml", description = "a run's configuration: what it trains")
    private Path config;

    @Override
    public Integer call() {
        if (adapter.path() != null && model == null) {
            throw new UsageException("--adapter is given, and no --model; expected the model that the adapter is over");
        }
        if (model != null) {
            model();
        }
        if (config != null) {
            RunConfig run = RunConfig.load(config, List.of());
            row("trained", Trained.of(run, ModelFolder.readConfig(run.path("model.path"))).toString());
        }
        machine();
        return 0;
    }

    private void model() {
        try (AdaptedFolder folder = AdaptedFolder.open(model, adapter.path())) {
            row("model", String.format(Locale.ROOT, "%s: %s, %,d weights", model, folder.base().config().architecture(), folder.base().config().parameters()));
            if (folder.quantization() != Quantization.NONE) {
                row("linear maps", folder.quantization().described());
            }
            if (folder.adapter() != null) {
                row("adapter", Trained.adapter(folder).toString());
            }
        }
    }

    private void machine() {
        try (Engine engine = common.open()) {
            DeviceInfo info = engine.info();
            row("metaapo", Engine.version());
            row("Java", System.getProperty("java.version") + " (" + System.getProperty("java.vendor") + ")");
            row("device", info.name());
            row("instruction set", info.isa());
            row("matrix library", info.gemm());
            row("bf16 products", info.bf16());
            if (!Engine.resolve(common.device()).isCuda()) {
                row("training speed", String.format(Locale.ROOT, "%,.0f GFLOP/s in f32, %,.0f in bf16, of a small model",
                        TrainingSpeed.measure(engine, Dtype.F32) * 1e-9, TrainingSpeed.measure(engine, Dtype.BF16) * 1e-9));
            }
            row("threads", Integer.toString(info.threads()));
            row("memory", String.format(Locale.ROOT, "%.1f of %.1f GiB free", info.memoryFree() / 0x1p30, info.memoryTotal() / 0x1p30));
            Engine.Gpus gpus = Engine.gpus();
            row("MPI", mpi());
            row("GPUs", gpus.count() > 0 ? gpus.count() + ", cuda:0 to cuda:" + (gpus.count() - 1) : "none; " + gpus.reason());
        }
    }

    private static String mpi() {
        try {
            return RankGroup.mpi() + "; " + Mpirun.shown();
        } catch (DeviceException e) {
            return "none; " + e.getMessage();
        }
    }

    private static void row(String name, String value) {
        System.out.printf(Locale.ROOT, "%-16s  %s%n", name, value);
    }
}
