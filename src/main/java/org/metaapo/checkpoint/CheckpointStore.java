package org.metaapo.checkpoint;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.metaapo.engine.Network;
import org.metaapo.engine.Trainer;
import org.metaapo.error.DataException;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Digests;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;
import org.metaapo.ranks.Codec;
import org.metaapo.ranks.Ranks;
import org.metaapo.ranks.SharedWork;

/**
 * Checkpoints of a run, one folder each: the trainer's weights (f32) and both moments (f32, or of 8 bits packed) in
 * {@code trainer.safetensors}, or in a file of each rank that has a part of them; a further model's weights where the run needs them;
 * {@code state.json} (everything else) and {@code digests.json}. A folder appears whole or not at all, and is used only if its digests
 * hold.
 */
public final class CheckpointStore {
    private static final String STATE = "state.json";
    private static final String DIGESTS = "digests.json";
    private final Path folder;
    private final int keep;
    private final Ranks ranks;

    /** Checkpoints of a run on {@code ranks} in {@code folder}, the newest {@code keep} of which stay. */
    public CheckpointStore(Path folder, int keep, Ranks ranks) {
        this.ranks = ranks;
        this.folder = folder;
        this.keep = keep;
    }

    /**
     * Writes a checkpoint of a step and deletes those that are too old.
     *
     * @param model what the trainer trains: a model, or an adapter alone
     * @param kept a further one whose weights go with it, in its own dtype; null for none
     */
    public void save(long step, Network model, Trainer trainer, Network kept, Object state) {
        TrainerTensors tensors = new TrainerTensors(model, trainer, kept, ranks);
        Path target = folder.resolve(name(step));
        if (!tensors.areShared()) {
            ranks.lead(() -> AtomicFiles.folder(target, partial -> finish(partial, List.of(written(tensors, partial)), state)));
        } else if (ranks.leader()) {
            AtomicFiles.folder(target, partial -> finish(partial, writtenTogether(tensors, partial), state));
        } else {
            writtenTogether(tensors, null);
        }
        ranks.lead(this::prune);
    }

    /** Writes this rank's tensors; the name of the file and its digest. */
    private static String written(TrainerTensors tensors, Path partial) {
        String name = tensors.write(partial);
        return name + " " + Digests.sha256(partial.resolve(name));
    }

    /** Has each rank write its tensors into the leader's folder; what each has written. */
    private List<String> writtenTogether(TrainerTensors tensors, Path ofLeader) {
        Path partial = Path.of(SharedWork.ofLeader(ranks, Codec.TEXT, () -> String.valueOf(ofLeader)));
        String own = tensors.writeWaits() ? written(tensors, partial) : ranks.agree(() -> written(tensors, partial));
        return ranks.gather(own.getBytes(StandardCharsets.UTF_8)).stream().map(bytes -> new String(bytes, StandardCharsets.UTF_8)).toList();
    }

    private static void finish(Path partial, List<String> written, Object state) throws IOException {
        Json.mapper().writeValue(partial.resolve(STATE).toFile(), state);
        Map<String, String> digests = new LinkedHashMap<>();
        written.forEach(file -> digests.put(file.split(" ")[0], file.split(" ")[1]));
        digests.put(STATE, Digests.sha256(partial.resolve(STATE)));
        Files.writeString(partial.resolve(DIGESTS), Json.write(digests));
    }

    private static String name(long step) {
        return String.format(Locale.ROOT, "step-%08d", step);
    }

    /** Whether a folder has a checkpoint, good or damaged. */
    public static boolean isIn(Path folder) {
        return !newestFirst(folder).isEmpty();
    }

    private List<Path> newestFirst() {
        return newestFirst(folder);
    }

    private static List<Path> newestFirst(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> list = Files.list(folder)) {
            return list.filter(p -> p.getFileName().toString().matches("step-\\d{8,}"))
                    .sorted(Comparator.comparing((Path p) -> p.getFileName().toString()).reversed())
                    .toList();
        } catch (IOException e) {
            throw FileFailures.reading(folder, e);
        }
    }

    private void prune() {
        List<Path> all = newestFirst();
        for (Path old : all.subList(Math.min(keep, all.size()), all.size())) {
            try {
                AtomicFiles.deleteTree(old);
            } catch (IOException e) {
                throw FileFailures.writing(old, -1, e);
            }
        }
    }

    /**
     * Finds the newest checkpoint whose digests hold and returns its state.
     *
     * @param type of the state that was saved
     * @param warn hears of each damaged checkpoint that is passed over
     * @return null where there is none
     */
    public <T> T newest(Class<T> type, Consumer<String> warn) {
        String name = SharedWork.ofLeader(ranks, Codec.TEXT, () -> newestSound(type, warn));
        return name.isEmpty() ? null : ranks.agree(() -> state(folder.resolve(name), type));
    }

    /** The name of the newest checkpoint that can be used; empty where there is none. */
    private String newestSound(Class<?> type, Consumer<String> warn) {
        AtomicFiles.deletePartials(folder);
        for (Path candidate : newestFirst()) {
            try {
                check(candidate);
                state(candidate, type);
                return candidate.getFileName().toString();
            } catch (DataException e) {
                warn.accept("checkpoint " + candidate + " is damaged and passed over: " + e.getMessage());
            }
        }
        return "";
    }

    private static <T> T state(Path checkpoint, Class<T> type) {
        try {
            return Json.mapper().readValue(checkpoint.resolve(STATE).toFile(), type);
        } catch (IOException e) {
            throw new DataException(checkpoint.resolve(STATE) + ": " + e.getMessage(), e);
        }
    }

    private static void check(Path candidate) {
        List<String> names = new ArrayList<>();
        Json.read(candidate.resolve(DIGESTS)).fieldNames().forEachRemaining(names::add);
        if (!names.contains(STATE) || names.stream().noneMatch(TrainerTensors::isFile)) {
            throw new DataException(DIGESTS + " names no whole checkpoint");
        }
        for (String name : names) {
            Path file = candidate.resolve(name);
            if (!Files.isRegularFile(file)) {
                throw new DataException(name + " is missing");
            }
            String expected = Json.read(candidate.resolve(DIGESTS)).path(name).asText();
            String found = Digests.sha256(file);
            if (!expected.equals(found)) {
                throw new DataException(name + " has digest " + found.substring(0, 12) + "…, expected "
                        + expected.substring(0, Math.min(12, expected.length())) + "…");
            }
        }
    }

    /** Loads weights and moments of the checkpoint of a step into the trainer, and the further model's weights where there is one. */
    public void restore(long step, Network model, Trainer trainer, Network kept) {
        TrainerTensors tensors = new TrainerTensors(model, trainer, kept, ranks);
        ranks.agree(() -> {
            tensors.read(folder.resolve(name(step)));
            return null;
        });
    }
}
