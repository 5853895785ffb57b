package org.metaapo.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.metaapo.checkpoint.StoredTensors;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Network;
import org.metaapo.engine.TensorInfo;
import org.metaapo.engine.Trainer;
import org.metaapo.error.DataException;
import org.metaapo.error.NumericException;

/** Carries tensors from a folder's files to the engine, chunk by chunk and off the heap. */
public final class WeightCopier {
    private static final int CHUNK_ELEMENTS = 1 << 20;

    private final StoredTensors folder;
    private final Network network;
    private final Trainer trainer;
    private final ByteBuffer source = direct(CHUNK_ELEMENTS * 4);
    private final ByteBuffer widened = direct(CHUNK_ELEMENTS * 4);
    private final DirectRoom whole = new DirectRoom();
    private final DirectRoom wholeWidened = new DirectRoom();

    /** {@code trainer} is the network's new one, whose f32 masters begin with all bits of what is stored; null for none. */
    public WeightCopier(StoredTensors folder, Network network, Trainer trainer) {
        this.folder = folder;
        this.network = network;
        this.trainer = trainer;
    }

    private static ByteBuffer direct(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Copies one tensor, which the folder has under the same name.
     *
     * @throws DataException if a weight is NaN or infinite, with file, tensor and element
     */
    public void copy(TensorInfo tensor) {
        if (tensor.whole()) {
            copyWhole(tensor);
            return;
        }
        org.metaapo.checkpoint.Dtype stored = folder.tensor(tensor.name()).dtype();
        for (long offset = 0; offset < tensor.count(); offset += CHUNK_ELEMENTS) {
            int count = (int) Math.min(CHUNK_ELEMENTS, tensor.count() - offset);
            source.clear().limit(count * stored.bytes());
            folder.read(tensor.name(), offset * stored.bytes(), source);
            source.rewind();
            try {
                switch (stored) {
                    case F32 -> write(tensor, offset, source);
                    // A new trainer's masters have no bits beyond these.
                    case BF16 -> network.write(tensor, offset, source, Dtype.BF16);
                    case F16 -> write(tensor, offset, widen(source, widened.clear().limit(count * 4)));
                    default -> throw wrongDtype(tensor, stored);
                }
            } catch (NumericException e) {
                throw damaged(e);
            }
        }
    }

    /** One that the network packs, and so takes at once. */
    private void copyWhole(TensorInfo tensor) {
        org.metaapo.checkpoint.Dtype stored = folder.tensor(tensor.name()).dtype();
        ByteBuffer values = whole.read(folder, tensor.name());
        try {
            switch (stored) {
                case F32 -> network.write(tensor, 0, values, Dtype.F32);
                case BF16 -> network.write(tensor, 0, values, Dtype.BF16);
                case F16 -> network.write(tensor, 0, widen(values, wholeWidened.of(4 * tensor.count(), folder.path() + ": " + tensor.name())), Dtype.F32);
                default -> throw wrongDtype(tensor, stored);
            }
        } catch (NumericException e) {
            throw damaged(e);
        }
    }

    private DataException wrongDtype(TensorInfo tensor, org.metaapo.checkpoint.Dtype stored) {
        return new DataException(folder.path() + ": " + tensor.name() + " has dtype " + stored + "; expected F32, F16 or BF16");
    }

    private DataException damaged(NumericException e) {
        return new DataException(folder.path() + ": " + e.getMessage() + "; the weights are damaged", e);
    }

    private void write(TensorInfo tensor, long offset, ByteBuffer floats) {
        if (trainer == null) {
            network.write(tensor, offset, floats, Dtype.F32);
        } else {
            trainer.write(Trainer.State.MASTER, tensor, offset, floats.asFloatBuffer());
        }
    }

    /** Halves from the start of one buffer as singles into another, which has room for as many. */
    private static ByteBuffer widen(ByteBuffer halves, ByteBuffer singles) {
        for (int i = 0; i < singles.limit() / 4; i++) {
            singles.putFloat(i * 4, TensorValues.halfToFloat(halves.getShort(i * 2)));
        }
        return singles;
    }
}
