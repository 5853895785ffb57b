package org.metaapo.error;

/** Another rank of the same command failed, and tells of it: this one says nothing. The exit status is that of the failure there. */
public final class RankFailedException extends MetaapoException {
    private final int status;

    /**
     * Of the failure of a rank.
     *
     * @param status its exit status
     * @param message what it says
     */
    public RankFailedException(int rank, int status, String message) {
        super("rank " + rank + " failed: " + message, null);
        this.status = status;
    }

    @Override
    public int exitStatus() {
        return status;
    }
}
