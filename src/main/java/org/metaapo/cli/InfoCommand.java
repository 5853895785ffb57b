package org.metaapo.cli;

import java.util.Locale;
import java.util.concurrent.Callable;
import org.metaapo.engine.DeviceInfo;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.jobs.TrainingSpeed;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code metaapo info}. */
@Command(name = "info", description = "Versions, device, memory, libraries.", mixinStandardHelpOptions = true)
final class InfoCommand implements Callable<Integer> {
    @Mixin
    private CommonOptions common;

    @Override
    public Integer call() {
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
            row("GPUs", gpus.count() > 0 ? gpus.count() + ", cuda:0 to cuda:" + (gpus.count() - 1) : "none; " + gpus.reason());
        }
        return 0;
    }

    private static void row(String name, String value) {
        System.out.printf(Locale.ROOT, "%-16s  %s%n", name, value);
    }
}
