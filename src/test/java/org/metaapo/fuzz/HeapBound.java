package org.metaapo.fuzz;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.ref.Reference;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.error.MetaapoException;

/**
 * Checks that reading an input takes no more of the heap than 4 times its size and 64 MiB. What a thread allocates bounds what it
 * holds and costs nothing to count; an input that allocates more is read again with the heap so full that only this much is free.
 */
final class HeapBound {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int BLOCK = 1 << 18;

    private HeapBound() {}

    /** As {@link FuzzProperty#check}, with the bound. The JVM's old generation must have room for it: a small heap, a small young one. */
    static void check(FuzzTarget target, byte[] input, Path scratch) throws IOException {
        long bound = 4L * input.length + (64L << 20);
        long before = THREADS.getCurrentThreadAllocatedBytes();
        refuseOutOfMemory(FuzzProperty.check(target, input, scratch), bound);
        if (THREADS.getCurrentThreadAllocatedBytes() - before > bound) {
            List<byte[]> ballast = fill(bound);
            MetaapoException refused;
            try {
                refused = FuzzProperty.check(target, input, scratch);
            } catch (OutOfMemoryError e) {
                ballast.clear();
                throw new AssertionError("takes more heap than " + bound + " bytes", e);
            } finally {
                Reference.reachabilityFence(ballast);
            }
            refuseOutOfMemory(refused, bound);
        }
    }

    /** A reader may turn a lack of memory into a message; it has asked for too much all the same. */
    private static void refuseOutOfMemory(MetaapoException refused, long bound) {
        for (Throwable cause = refused; cause != null; cause = cause.getCause()) {
            if (cause instanceof OutOfMemoryError) {
                throw new AssertionError("asks for more heap than " + bound + " bytes", refused);
            }
        }
    }

    /** Takes all of the heap but {@code free} bytes. */
    private static List<byte[]> fill(long free) {
        Runtime runtime = Runtime.getRuntime();
        System.gc();
        long spare = runtime.maxMemory() - (runtime.totalMemory() - runtime.freeMemory()) - free;
        if (spare < 0) {
            throw new IllegalStateException("the heap of " + runtime.maxMemory() + " bytes has no " + free + " bytes free");
        }
        List<byte[]> ballast = new ArrayList<>();
        for (; spare > BLOCK; spare -= BLOCK) {
            ballast.add(new byte[BLOCK]);
        }
        return ballast;
    }
}
