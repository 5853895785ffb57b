package org.metaapo.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.metaapo.engine.Network;
import org.metaapo.engine.TensorInfo;
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
 * Checkpoints of a run, one folder each: {@code trainer.safetensors} (f32 weights and both moments; moments of 8 bits packed; a
 * further model's weights where the run needs them), {@code state.json} (everything else) and {@code digests.json}. A folder appears whole or not at all, and is used only if
 * its digests hold.
 */
public final class CheckpointStore {
    private static final String TENSORS = "trainer.safetensors";
    private static final String STATE = "state.json";
    private static final String DIGESTS = "digests.json";
    /** Begins the names of the further model's tensors. */
    private static final String KEPT = "kept.";
    private static final List<Trainer.State> MOMENTS = List.of(Trainer.State.MOMENT1, Trainer.State.MOMENT2);

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
        ranks.lead(() -> {
            write(step, model, trainer, kept, state);
            prune();
        });
    }

    private void write(long step, Network model, Trainer trainer, Network kept, Object state) {
        AtomicFiles.folder(folder.resolve(name(step)), target -> {
            Map<String, TensorSource> sources = new HashMap<>();
            List<TensorSpec> specs = new ArrayList<>();
            for (Trainer.State part : byTensor(trainer)) {
                for (TensorInfo tensor : model.tensors()) {
                    specs.add(new TensorSpec(key(part, tensor), Dtype.F32, new long[] {tensor.count()}));
                    sources.put(key(part, tensor), (spec, offset, chunk) -> trainer.read(part, tensor, offset / 4,
                            chunk.duplicate().order(ByteOrder.LITTLE_ENDIAN).rewind().asFloatBuffer()));
                }
            }
            for (Trainer.State moment : packed(trainer)) {
                specs.add(new TensorSpec(key(moment), Dtype.U8, new long[] {trainer.packedBytes(moment)}));
                sources.put(key(moment), (spec, offset, chunk) -> trainer.readPacked(moment, offset, chunk.duplicate().rewind()));
            }
            for (TensorInfo tensor : kept == null ? List.<TensorInfo>of() : kept.tensors()) {
                specs.add(new TensorSpec(KEPT + tensor.name(), fileDtype(kept), new long[] {tensor.count()}));
                sources.put(KEPT + tensor.name(), (spec, offset, chunk) ->
                        kept.read(tensor, offset / spec.dtype().bytes(), chunk.duplicate().rewind(), kept.dtype()));
            }
            SafetensorsWriter.write(target.resolve(TENSORS), specs, Map.of(), (spec, offset, chunk) ->
                    sources.get(spec.name()).fill(spec, offset, chunk));
            Json.mapper().writeValue(target.resolve(STATE).toFile(), state);
            Map<String, String> digests = new LinkedHashMap<>();
            digests.put(TENSORS, Digests.sha256(target.resolve(TENSORS)));
            digests.put(STATE, Digests.sha256(target.resolve(STATE)));
            Files.writeString(target.resolve(DIGESTS), Json.write(digests));
        });
    }

    private static Dtype fileDtype(Network model) {
        return Dtype.valueOf(model.dtype().name());
    }

    /** What is saved tensor by tensor, in f32. */
    private static List<Trainer.State> byTensor(Trainer trainer) {
        List<Trainer.State> parts = new ArrayList<>(List.of(Trainer.State.MASTER));
        MOMENTS.stream().filter(moment -> trainer.packedBytes(moment) == 0).forEach(parts::add);
        return parts;
    }

    private static List<Trainer.State> packed(Trainer trainer) {
        return MOMENTS.stream().filter(moment -> trainer.packedBytes(moment) > 0).toList();
    }

    private static String key(Trainer.State part) {
        return part.name().toLowerCase(Locale.ROOT);
    }

    private static String key(Trainer.State part, TensorInfo tensor) {
        return key(part) + "." + tensor.name();
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
        for (String name : List.of(TENSORS, STATE)) {
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
        ranks.agree(() -> {
            read(step, model, trainer, kept);
            return null;
        });
    }

    private void read(long step, Network model, Trainer trainer, Network kept) {
        Path file = folder.resolve(name(step)).resolve(TENSORS);
        try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
            for (Trainer.State part : byTensor(trainer)) {
                for (TensorInfo tensor : model.tensors()) {
                    restore(tensors, key(part, tensor), Dtype.F32, tensor.count(), file, (offset, buffer) ->
                            trainer.write(part, tensor, offset, buffer.asFloatBuffer()));
                }
            }
            for (Trainer.State moment : packed(trainer)) {
                restore(tensors, key(moment), Dtype.U8, trainer.packedBytes(moment), file, (offset, buffer) ->
                        trainer.writePacked(moment, offset, buffer));
            }
            for (TensorInfo tensor : kept == null ? List.<TensorInfo>of() : kept.tensors()) {
                restore(tensors, KEPT + tensor.name(), fileDtype(kept), tensor.count(), file, (offset, buffer) ->
                        kept.write(tensor, offset, buffer, kept.dtype()));
            }
        }
    }

    /** Takes elements from {@code offset} on. */
    private interface Sink {
        void accept(long offset, ByteBuffer elements);
    }

    private static void restore(SafetensorsFile file, String name, Dtype dtype, long count, Path path, Sink sink) {
        org.metaapo.checkpoint.TensorInfo stored = file.tensors().get(name);
        if (stored == null || stored.dtype() != dtype || stored.elements() != count) {
            throw new DataException(path + ": " + name + " does not fit the model; the run was begun with another one");
        }
        int chunk = 1 << 20;
        ByteBuffer buffer = ByteBuffer.allocateDirect(chunk * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (long offset = 0; offset < count; offset += chunk) {
            int elements = (int) Math.min(chunk, count - offset);
            buffer.clear().limit(elements * dtype.bytes());
            file.read(name, offset * dtype.bytes(), buffer);
            buffer.rewind();
            sink.accept(offset, buffer);
        }
    }
}
