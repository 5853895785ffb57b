package org.metaapo.tracking;

import java.io.IOException;

/** A service could not take a request now; another try may succeed. */
final class BusyException extends IOException {
    private static final long serialVersionUID = 1;

    private final long waitMillis;

    /** {@code waitMillis} is how long the service asks to wait, or 0. */
    BusyException(String message, long waitMillis) {
        super(message);
        this.waitMillis = waitMillis;
    }

    long waitMillis() {
        return waitMillis;
    }
}
