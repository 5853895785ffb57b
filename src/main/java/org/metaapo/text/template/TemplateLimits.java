package org.metaapo.text.template;

/**
 * What one rendering may use at most.
 *
 * @param steps evaluated nodes, with a charge for long texts and lists
 * @param characters UTF-16 units of the output and of any single text made on the way
 * @param depth nested macro calls, recursive loops and levels of a value
 */
public record TemplateLimits(long steps, int characters, int depth) {
    /** Five million steps, four million characters (about a million tokens), 100 levels: far above any real conversation. */
    public static final TemplateLimits DEFAULT = new TemplateLimits(5_000_000L, 1 << 22, 100);

    /** All limits must be positive. */
    public TemplateLimits {
        if (steps < 1 || characters < 1 || depth < 1) {
            throw new IllegalArgumentException("limits must be positive");
        }
    }
}
