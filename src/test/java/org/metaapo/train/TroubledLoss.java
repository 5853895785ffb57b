package org.metaapo.train;

import java.util.concurrent.TimeUnit;

/** A loss of the user's that comes to trouble on one rank, a process or a thread of that name, at the third step or so. */
public abstract class TroubledLoss implements PairLoss {
    private static final String PROCESS = System.getenv("OMPI_COMM_WORLD_RANK");

    /** The rank, for tests whose ranks are threads. */
    static volatile int onRank = 1;

    private int calls;

    @Override
    public final Value evaluate(Pair pair) {
        String rank = PROCESS == null ? Thread.currentThread().getName() : "rank-" + PROCESS;
        return rank.equals("rank-" + onRank) && ++calls > 4 ? trouble() : new Value(0.5, -0.1, 0.1);
    }

    abstract Value trouble();

    /** Does not come back. */
    public static final class Hangs extends TroubledLoss {
        @Override
        Value trouble() {
            try {
                // A thread of a test has to end some time.
                TimeUnit.SECONDS.sleep(PROCESS == null ? 4 : 3600);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return new Value(0.5, -0.1, 0.1);
        }
    }

    /** Throws. */
    public static final class Throws extends TroubledLoss {
        @Override
        Value trouble() {
            throw new IllegalStateException("no value today");
        }
    }

    /** Has a gradient beyond what an f32 holds. */
    public static final class Explodes extends TroubledLoss {
        @Override
        Value trouble() {
            return new Value(0.5, -1e300, 1e300);
        }
    }

    /** Finds the heap full. */
    public static final class FillsMemory extends TroubledLoss {
        @Override
        Value trouble() {
            throw new OutOfMemoryError("of a test");
        }
    }
}
