package org.metaapo.tracking;

/** A tracker cannot go on, and no other try would change it, such as after a wrong token. */
final class RefusedException extends Exception {
    private static final long serialVersionUID = 1;

    RefusedException(String message) {
        super(message);
    }
}
