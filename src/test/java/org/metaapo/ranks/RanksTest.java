package org.metaapo.ranks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Engine;
import org.metaapo.error.DataException;
import org.metaapo.error.DeviceException;
import org.metaapo.error.RankFailedException;

class RanksTest {
    @Test
    void gathersAnyLengthsInTheOrderOfRanks() {
        ThreadRanks.run(3, ranks -> {
            for (int round = 0; round < 5; round++) {
                List<byte[]> all = ranks.gather(new byte[ranks.rank() * round]);
                for (int rank = 0; rank < 3; rank++) {
                    assertEquals(rank * round, all.get(rank).length);
                }
                assertArrayEquals(new byte[] {7, 8}, ranks.broadcast(ranks.leader() ? new byte[] {7, 8} : null));
                assertTrue(ranks.any(ranks.rank() == round % 3));
            }
            return null;
        });
    }

    @Test
    void theLowestRankThatFailsSaysWhatAllFailOf() {
        DataException own = new DataException("no such row");
        List<ThreadRanks.Outcome<Object>> outcomes = ThreadRanks.outcomes(3, ranks -> ranks.agree(() -> {
            if (ranks.rank() == 1) {
                throw own;
            }
            if (ranks.rank() == 2) {
                throw new IllegalStateException("later");
            }
            return null;
        }));
        assertSame(own, outcomes.get(1).failure());
        for (int rank : new int[] {0, 2}) {
            RankFailedException other = assertInstanceOf(RankFailedException.class, outcomes.get(rank).failure());
            assertEquals(3, other.exitStatus());
        }
    }

    @Test
    void aRankThatEndsIsNotWaitedFor() {
        List<ThreadRanks.Outcome<Object>> outcomes = ThreadRanks.outcomes(2, ranks -> {
            if (ranks.leader()) {
                throw new IllegalStateException("by itself");
            }
            ranks.barrier();
            return null;
        });
        assertInstanceOf(DeviceException.class, outcomes.get(1).failure());
    }

    @Test
    void enginesJoin() {
        ThreadRanks.run(2, ranks -> {
            try (Engine engine = Engine.open(DeviceSpec.CPU, 1)) {
                ranks.join(engine);
            }
            return null;
        });
    }
}
