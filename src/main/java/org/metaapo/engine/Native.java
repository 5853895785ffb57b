package org.metaapo.engine;

import java.nio.charset.StandardCharsets;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Pointer;
import org.metaapo.engine.internal.MetaapoC;
import org.metaapo.engine.internal.apo_error;
import org.metaapo.error.DeviceException;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.NumericException;
import org.metaapo.error.RunFailedException;

/** Calls across the boundary: statuses to exceptions, arrays to off-heap pointers. */
final class Native {
    private Native() {}

    /** A call of {@code metaapo.h}; returns its status. */
    interface Call {
        int run(apo_error error);
    }

    /** Makes the call and throws what its status says. */
    static void check(Call call) {
        try (apo_error error = new apo_error()) {
            int status = call.run(error);
            if (status == MetaapoC.APO_OK) {
                return;
            }
            throw exception(status, text(error.message()));
        }
    }

    private static RuntimeException exception(int status, String message) {
        return switch (status) {
            case MetaapoC.APO_E_ARGUMENT -> new IllegalArgumentException(message);
            case MetaapoC.APO_E_STATE -> new IllegalStateException(message);
            case MetaapoC.APO_E_MEMORY, MetaapoC.APO_E_DEVICE, MetaapoC.APO_E_UNSUPPORTED -> new DeviceException(message);
            case MetaapoC.APO_E_NUMERIC -> new NumericException(message);
            case MetaapoC.APO_E_CANCELLED -> new InterruptedRunException(message);
            default -> new RunFailedException("a bug in the engine: " + message);
        };
    }

    /** A NUL-terminated UTF-8 string. */
    static String text(BytePointer pointer) {
        // Of memory that was allocated here JavaCPP gives all bytes, those behind the NUL among them.
        byte[] bytes = pointer.getStringBytes();
        int length = 0;
        while (length < bytes.length && bytes[length] != 0) {
            length++;
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    /** A copy off the heap; null stays null. */
    static IntPointer ints(int[] values) {
        return values == null ? null : new IntPointer(values);
    }

    /** A copy off the heap; null stays null. */
    static DoublePointer doubles(double[] values) {
        return values == null ? null : new DoublePointer(values);
    }

    static double[] array(DoublePointer pointer, int count) {
        double[] values = new double[count];
        pointer.get(values);
        return values;
    }

    static boolean isNull(Pointer pointer) {
        return pointer == null || pointer.isNull();
    }
}
