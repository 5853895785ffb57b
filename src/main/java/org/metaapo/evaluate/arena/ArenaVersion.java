package org.metaapo.evaluate.arena;

/** Which of Arena-Hard's protocols and scores. */
public enum ArenaVersion {
    V01("v0.1"),
    V20("v2.0");

    private final String id;

    ArenaVersion(String id) {
        this.id = id;
    }

    /** As users write it. */
    @Override
    public String toString() {
        return id;
    }
}
