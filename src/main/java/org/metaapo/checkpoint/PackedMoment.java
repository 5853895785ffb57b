package org.metaapo.checkpoint;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.metaapo.engine.Trainer;
import org.metaapo.error.DataException;

/**
 * A trainer's moment of 8 bits in a checkpoint. One process writes it as it stands, codes and then scales, as {@code KEY}; ranks write ranges
 * of its blocks, {@code KEY.codes@block} and {@code KEY.scales@block}, that other numbers of ranks take up too. The blocks of one process
 * are others.
 */
final class PackedMoment {
    private static final int BLOCK = 256;

    private final Trainer trainer;
    private final Trainer.State moment;
    private final String key;
    private final List<Trainer.PackedPart> parts;
    private final long bytes;

    PackedMoment(Trainer trainer, Trainer.State moment, String key) {
        this.trainer = trainer;
        this.moment = moment;
        this.key = key;
        this.parts = trainer.packedParts();
        this.bytes = trainer.packedBytes(moment);
    }

    /** Where the scales begin behind all codes, a byte each. */
    private long scales() {
        return bytes / (BLOCK + Float.BYTES) * BLOCK;
    }

    /** Adds where its tensors come from, and returns what they are. */
    List<TensorSpec> write(Map<String, TensorSource> sources) {
        if (parts.isEmpty()) {
            return List.of(spec(sources, key, Dtype.U8, bytes, 0));
        }
        List<TensorSpec> specs = new ArrayList<>();
        for (Trainer.PackedPart part : parts) {
            if (part.count() > 0) {
                specs.add(spec(sources, key + ".codes@" + part.first(), Dtype.U8, part.count() * BLOCK, part.at() * BLOCK));
                specs.add(spec(sources, key + ".scales@" + part.first(), Dtype.F32, part.count(), scales() + part.at() * Float.BYTES));
            }
        }
        return specs;
    }

    /** Of a tensor that stands in the moment from byte {@code from} on. */
    private TensorSpec spec(Map<String, TensorSource> sources, String name, Dtype dtype, long elements, long from) {
        sources.put(name, (spec, offset, chunk) -> trainer.readPacked(moment, from + offset, chunk.duplicate().rewind()));
        return new TensorSpec(name, dtype, new long[] {elements});
    }

    /** Takes up what this rank keeps of what was written; pieces are by name without their range. */
    void read(Map<String, List<TrainerTensors.Stored>> stored, Path folder) {
        boolean wasOne = stored.containsKey(key);
        if (wasOne != parts.isEmpty()) {
            throw new DataException(folder + ": moments of 8 bits were written by " + (wasOne ? "one process" : "several ranks") + ", and "
                    + (wasOne ? "several ranks" : "one process") + " cannot take them up: their blocks are others; go on with "
                    + (wasOne ? "one process" : "any number of ranks but one"));
        }
        if (parts.isEmpty()) {
            read(stored.get(key), Dtype.U8, 1, 0, bytes, 0, folder);
        }
        for (Trainer.PackedPart part : parts) {
            read(stored.getOrDefault(key + ".codes", List.of()), Dtype.U8, BLOCK, part.first(), part.count(), part.at() * BLOCK, folder);
            read(stored.getOrDefault(key + ".scales", List.of()), Dtype.F32, 1, part.first(), part.count(), scales() + part.at() * Float.BYTES, folder);
        }
    }

    /** Blocks of {@code elements} elements, {@code count} from {@code first} on, to byte {@code to} on. */
    private void read(List<TrainerTensors.Stored> pieces, Dtype dtype, int elements, long first, long count, long to, Path folder) {
        long found = 0;
        for (TrainerTensors.Stored piece : pieces) {
            TrainerTensors.Stored byElement = new TrainerTensors.Stored(piece.file(), piece.key(), piece.begin() * elements, piece.count());
            long begin = Math.max(byElement.begin(), first * elements);
            long end = Math.min(byElement.begin() + byElement.count(), (first + count) * elements);
            found += Math.max(0, end - begin);
            TrainerTensors.copy(byElement, begin, end, dtype, (offset, buffer) ->
                    trainer.writePacked(moment, to + (offset - first * elements) * dtype.bytes(), buffer));
        }
        if (found != count * elements) {
            throw TrainerTensors.unfit(folder, key);
        }
    }
}
