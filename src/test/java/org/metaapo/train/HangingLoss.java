package org.metaapo.train;

import java.util.concurrent.TimeUnit;

/** A loss of the user's that on rank 1, a process or a thread of that name, does not come back at the third step or so. */
public final class HangingLoss implements PairLoss {
    private int calls;

    @Override
    public Value evaluate(Pair pair) {
        String process = System.getenv("OMPI_COMM_WORLD_RANK");
        boolean isIt = process == null ? Thread.currentThread().getName().equals("rank-1") : process.equals("1");
        if (isIt && ++calls > 4) {
            // A thread of a test has to end some time.
            sleep(process == null ? 4 : TimeUnit.HOURS.toSeconds(1));
        }
        return new Value(0.5, -0.1, 0.1);
    }

    private static void sleep(long seconds) {
        try {
            TimeUnit.SECONDS.sleep(seconds);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
