package org.metaapo.evaluate.mtbench;

import java.util.Locale;
import java.util.stream.Stream;

/** Who wins a game of MT-Bench's pairwise mode. */
public enum PairWinner {
    MODEL_1,
    MODEL_2,
    TIE,
    /** The judge said nothing that counts. */
    ERROR;

    /** As files have it. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether a reply names several. */
    static boolean isConflicting(String reply) {
        return Stream.of("[[A]]", "[[B]]", "[[C]]").filter(reply::contains).count() > 1;
    }

    /** By a reply that calls the answer shown first A: {@code [[A]]}, else {@code [[B]]}, else {@code [[C]]} for a tie. */
    public static PairWinner of(String reply, boolean isModel1First) {
        if (reply.contains("[[A]]")) {
            return isModel1First ? MODEL_1 : MODEL_2;
        }
        if (reply.contains("[[B]]")) {
            return isModel1First ? MODEL_2 : MODEL_1;
        }
        return reply.contains("[[C]]") ? TIE : ERROR;
    }
}
