package org.metaapo.engine;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.metaapo.engine.internal.apo_error;
import org.metaapo.engine.internal.apo_tensor_info;

/** What a model and an adapter do alike with their tensors. */
final class Tensors {
    private Tensors() {}

    /** The native call that counts tensors. */
    interface Count {
        int run(int[] count, apo_error error);
    }

    /** The native call that tells of a tensor. */
    interface Info {
        int run(int index, apo_tensor_info info, apo_error error);
    }

    /** The native call that writes or reads {@code count} elements. */
    interface Transfer {
        int run(long count, BytePointer buffer, apo_error error);
    }

    static List<TensorInfo> list(Count counter, Info teller) {
        int[] count = new int[1];
        Native.check(error -> counter.run(count, error));
        List<TensorInfo> list = new ArrayList<>();
        try (apo_tensor_info info = new apo_tensor_info()) {
            for (int i = 0; i < count[0]; i++) {
                int index = i;
                Native.check(error -> teller.run(index, info, error));
                List<Long> dimensions = info.rank() == 1 ? List.of(info.shape(0)) : List.of(info.shape(0), info.shape(1));
                list.add(new TensorInfo(index, Native.text(info.name()), dimensions, info.count(), info.whole() != 0));
            }
        }
        return List.copyOf(list);
    }

    static void transfer(ByteBuffer buffer, Dtype dtype, Transfer call) {
        if (!buffer.isDirect()) {
            throw new IllegalArgumentException("the buffer is on the heap; expected a direct one");
        }
        if (buffer.remaining() % dtype.bytes() != 0) {
            throw new IllegalArgumentException(
                    "the buffer has " + buffer.remaining() + " bytes; expected a multiple of " + dtype.bytes());
        }
        long count = buffer.remaining() / dtype.bytes();
        try (BytePointer pointer = new BytePointer(buffer)) {
            Native.check(error -> call.run(count, pointer, error));
        }
    }
}
