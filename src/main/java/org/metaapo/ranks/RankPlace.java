package org.metaapo.ranks;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Engine;
import org.metaapo.error.DeviceException;
import org.metaapo.error.UsageException;

/** What of its machine is a rank's: its GPU, and its share of the processor cores. Launchers may have divided them already. */
public final class RankPlace {
    private final int size;
    private final int beforeAtGpus;
    private final int atGpus;
    private final int atCores;
    private final boolean hasGpus;

    private RankPlace(int size, int beforeAtGpus, int atGpus, int atCores, boolean hasGpus) {
        this.size = size;
        this.beforeAtGpus = beforeAtGpus;
        this.atGpus = atGpus;
        this.atCores = atCores;
        this.hasGpus = hasGpus;
    }

    /** Every rank calls it. */
    public static RankPlace of(Ranks ranks) {
        if (ranks.size() == 1) {
            return new RankPlace(1, 0, 1, 1, false);
        }
        List<String[]> all = ranks.gather(seen().getBytes(StandardCharsets.UTF_8)).stream()
                .map(bytes -> new String(bytes, StandardCharsets.UTF_8).split("\n", -1)).toList();
        String[] own = all.get(ranks.rank());
        int[] atGpus = IntStream.range(0, all.size()).filter(r -> all.get(r)[0].equals(own[0]) && all.get(r)[1].equals(own[1])).toArray();
        long atCores = all.stream().filter(other -> other[0].equals(own[0]) && other[2].equals(own[2])).count();
        int before = (int) IntStream.of(atGpus).filter(r -> r < ranks.rank()).count();
        return new RankPlace(ranks.size(), before, atGpus.length, (int) atCores, all.stream().anyMatch(other -> !other[3].equals("0")));
    }

    /** The machine, the GPUs that this process may see, the cores that it may use, how many GPUs there are: a line each. */
    private static String seen() {
        try {
            String machine = Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
            String cores = Files.readAllLines(Path.of("/proc/self/status")).stream().filter(line -> line.startsWith("Cpus_allowed:")).findFirst().orElse("");
            return String.join("\n", machine, Objects.requireNonNullElse(System.getenv("CUDA_VISIBLE_DEVICES"), "all"), cores,
                    Integer.toString(Engine.gpus().count()));
        } catch (IOException e) {
            throw new DeviceException("what this process may use of its machine cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * This rank's device.
     *
     * @param asked with auto each rank has a GPU of its own, where there are some
     * @throws UsageException if ranks would share the GPU that was asked for
     * @throws DeviceException if this machine has fewer GPUs than ranks, or none, and others' have some
     */
    public DeviceSpec device(DeviceSpec asked) {
        if (size == 1) {
            return asked;
        }
        DeviceSpec found = Engine.resolve(asked);
        if (asked.kind() == DeviceSpec.Kind.AUTO && !found.isCuda() && hasGpus) {
            throw new DeviceException("other ranks have a GPU, and this one has none: " + Engine.gpus().reason() + "; start ranks where GPUs are, or give --device cpu");
        }
        if (!found.isCuda()) {
            return asked;
        }
        if (asked.isCuda() && atGpus > 1) {
            throw new UsageException("device is cuda:" + asked.index() + ", and " + atGpus + " ranks would share it; give auto, and each takes one of its own");
        }
        int count = Engine.gpus().count();
        if (asked.kind() == DeviceSpec.Kind.AUTO && atGpus > count) {
            throw new DeviceException(atGpus + " ranks are on a machine of " + count + (count == 1 ? " GPU" : " GPUs")
                    + ", and each needs one of its own; start " + count + " there, or give --device cpu");
        }
        return asked.isCuda() ? asked : new DeviceSpec(DeviceSpec.Kind.CUDA, beforeAtGpus);
    }

    /** This rank's processor threads; {@code asked} is 0 for its share of the cores. */
    public int threads(int asked) {
        return asked > 0 || atCores == 1 ? asked : Math.max(1, Runtime.getRuntime().availableProcessors() / atCores);
    }
}
