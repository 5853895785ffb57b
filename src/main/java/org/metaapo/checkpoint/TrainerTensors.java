package org.metaapo.checkpoint;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.metaapo.engine.Network;
import org.metaapo.engine.TensorInfo;
import org.metaapo.engine.Trainer;
import org.metaapo.error.DataException;
import org.metaapo.ranks.Ranks;

/**
 * A trainer's weights and moments in a checkpoint's folder: in {@code trainer.safetensors}, or where ranks share them out in a file of each,
 * {@code trainer-r-of-R.safetensors}, whose tensors are ranges, named with their first element: {@code master.NAME@begin}. Any number of
 * ranks reads either. The further model's weights are in the leader's file, as {@code kept.NAME}.
 */
final class TrainerTensors {
    private static final String WHOLE = "trainer.safetensors";
    private static final String KEPT = "kept.";
    private static final int CHUNK = 1 << 20;
    private static final List<Trainer.State> MOMENTS = List.of(Trainer.State.MOMENT1, Trainer.State.MOMENT2);

    private final Network model;
    private final Trainer trainer;
    /** A further model whose weights go with the trainer's, in its own dtype; null for none. */
    private final Network kept;
    private final Ranks ranks;
    private final boolean shared;

    /** Every rank makes one. */
    TrainerTensors(Network model, Trainer trainer, Network kept, Ranks ranks) {
        this.model = model;
        this.trainer = trainer;
        this.kept = kept;
        this.ranks = ranks;
        this.shared = ranks.any(model.tensors().stream().anyMatch(tensor -> trainer.part(tensor).count() < tensor.count()));
    }

    /** Whether each rank has a file of its own to write; else the leader writes one. */
    boolean areShared() {
        return shared;
    }

    /** Whether ranks wait for each other as they write. */
    boolean writeWaits() {
        return kept != null && kept.isSharded();
    }

    /** Whether a file of a checkpoint's folder has tensors. */
    static boolean isFile(String name) {
        return name.equals(WHOLE) || name.matches("trainer-\\d+-of-\\d+\\.safetensors");
    }

    private String fileName() {
        return shared ? String.format(Locale.ROOT, "trainer-%d-of-%d.safetensors", ranks.rank(), ranks.size()) : WHOLE;
    }

    /** Writes this rank's file, and returns its name. */
    String write(Path folder) {
        Map<String, TensorSource> sources = new HashMap<>();
        List<TensorSpec> specs = new ArrayList<>();
        for (Trainer.State state : byTensor()) {
            for (TensorInfo tensor : model.tensors()) {
                Trainer.Part part = trainer.part(tensor);
                if (part.count() > 0) {
                    String key = key(state, tensor) + (shared ? "@" + part.offset() : "");
                    specs.add(new TensorSpec(key, Dtype.F32, new long[] {part.count()}));
                    sources.put(key, (spec, offset, chunk) -> trainer.read(state, tensor, part.offset() + offset / 4,
                            chunk.duplicate().order(ByteOrder.LITTLE_ENDIAN).rewind().asFloatBuffer()));
                }
            }
        }
        for (PackedMoment moment : packed()) {
            specs.addAll(moment.write(sources));
        }
        if (ranks.leader()) {
            specs.addAll(ofKept(sources));
        }
        SafetensorsWriter.write(folder.resolve(fileName()), specs, Map.of(), (spec, offset, chunk) -> sources.get(spec.name()).fill(spec, offset, chunk));
        if (!ranks.leader() && writeWaits()) {
            SafetensorsWriter.readAlong(ofKept(sources), (spec, offset, chunk) -> sources.get(spec.name()).fill(spec, offset, chunk));
        }
        return fileName();
    }

    private List<TensorSpec> ofKept(Map<String, TensorSource> sources) {
        List<TensorSpec> specs = new ArrayList<>();
        for (TensorInfo tensor : kept == null ? List.<TensorInfo>of() : kept.tensors()) {
            specs.add(new TensorSpec(KEPT + tensor.name(), fileDtype(kept), new long[] {tensor.count()}));
            sources.put(KEPT + tensor.name(), (spec, offset, chunk) ->
                    kept.read(tensor, offset / spec.dtype().bytes(), chunk.duplicate().rewind(), kept.dtype()));
        }
        return specs;
    }

    /** Takes up what this rank needs of what was written. */
    void read(Path folder) {
        List<SafetensorsFile> files = new ArrayList<>();
        try (Stream<Path> list = Files.list(folder)) {
            list.filter(file -> isFile(file.getFileName().toString())).sorted().forEach(file -> files.add(SafetensorsFile.open(file)));
            read(folder, files);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            files.forEach(SafetensorsFile::close);
        }
    }

    /** A stored range of a tensor, from element {@code begin} on. */
    record Stored(SafetensorsFile file, String key, long begin, long count) {}

    private void read(Path folder, List<SafetensorsFile> files) {
        Map<String, List<Stored>> stored = new HashMap<>();
        for (SafetensorsFile file : files) {
            file.tensors().forEach((key, info) -> {
                int at = key.lastIndexOf('@');
                stored.computeIfAbsent(at < 0 ? key : key.substring(0, at), name -> new ArrayList<>())
                        .add(new Stored(file, key, at < 0 ? 0 : Long.parseLong(key.substring(at + 1)), info.elements()));
            });
        }
        for (Trainer.State state : byTensor()) {
            for (TensorInfo tensor : model.tensors()) {
                // Masters set the model's weights, of which a rank may keep more.
                Trainer.Part needed = state == Trainer.State.MASTER ? new Trainer.Part(0, tensor.count()) : trainer.part(tensor);
                read(stored, key(state, tensor), Dtype.F32, tensor.count(), needed, folder, (offset, buffer) ->
                        trainer.write(state, tensor, offset, buffer.asFloatBuffer()));
            }
        }
        for (PackedMoment moment : packed()) {
            moment.read(stored, folder);
        }
        for (TensorInfo tensor : kept == null ? List.<TensorInfo>of() : kept.tensors()) {
            read(stored, KEPT + tensor.name(), fileDtype(kept), tensor.count(), new Trainer.Part(0, tensor.count()), folder, (offset, buffer) ->
                    kept.write(tensor, offset, buffer, kept.dtype()));
        }
    }

    /** Takes elements from {@code offset} on. */
    interface Sink {
        void accept(long offset, ByteBuffer elements);
    }

    private static void read(
            Map<String, List<Stored>> stored, String name, Dtype dtype, long count, Trainer.Part needed, Path folder, Sink sink) {
        List<Stored> pieces = stored.getOrDefault(name, List.of());
        if (pieces.stream().mapToLong(Stored::count).sum() != count
                || pieces.stream().anyMatch(piece -> piece.file().tensors().get(piece.key()).dtype() != dtype)) {
            throw unfit(folder, name);
        }
        for (Stored piece : pieces) {
            long first = Math.max(piece.begin(), needed.offset());
            long end = Math.min(piece.begin() + piece.count(), needed.offset() + needed.count());
            copy(piece, first, end, dtype, sink);
        }
    }

    /** Elements {@code first} to {@code end} of a tensor, which lie in this piece of it, chunk by chunk. */
    static void copy(Stored piece, long first, long end, Dtype dtype, Sink sink) {
        if (first >= end) {
            return;
        }
        ByteBuffer buffer = ByteBuffer.allocateDirect((int) Math.min(CHUNK, end - first) * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (long offset = first; offset < end; offset += CHUNK) {
            buffer.clear().limit((int) Math.min(CHUNK, end - offset) * dtype.bytes());
            piece.file().read(piece.key(), (offset - piece.begin()) * dtype.bytes(), buffer);
            buffer.rewind();
            sink.accept(offset, buffer);
        }
    }

    static DataException unfit(Path folder, String name) {
        return new DataException(folder + ": " + name + " does not fit the model; the run was begun with another one");
    }

    private static Dtype fileDtype(Network model) {
        return Dtype.valueOf(model.dtype().name());
    }

    /** What is saved tensor by tensor, in f32. */
    private List<Trainer.State> byTensor() {
        List<Trainer.State> states = new ArrayList<>(List.of(Trainer.State.MASTER));
        MOMENTS.stream().filter(moment -> trainer.packedBytes(moment) == 0).forEach(states::add);
        return states;
    }

    private List<PackedMoment> packed() {
        return MOMENTS.stream().filter(moment -> trainer.packedBytes(moment) > 0).map(moment -> new PackedMoment(trainer, moment, key(moment))).toList();
    }

    private static String key(Trainer.State state) {
        return state.name().toLowerCase(Locale.ROOT);
    }

    private static String key(Trainer.State state, TensorInfo tensor) {
        return key(state) + "." + tensor.name();
    }
}
