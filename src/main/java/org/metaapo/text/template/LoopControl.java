package org.metaapo.text.template;

/** Leaves a loop's body: {@code break} or {@code continue}. */
final class LoopControl extends RuntimeException {
    private static final long serialVersionUID = 1;
    static final LoopControl BREAK = new LoopControl();
    static final LoopControl CONTINUE = new LoopControl();

    private LoopControl() {
        super(null, null, false, false);
    }
}
