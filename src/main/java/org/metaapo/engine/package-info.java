/**
 * The native engine as Java objects: {@link org.metaapo.engine.Engine} opens a device, {@link org.metaapo.engine.Model}
 * holds weights, an {@link org.metaapo.engine.Adapter} low-rank changes to them, {@link org.metaapo.engine.Scorer}, {@link org.metaapo.engine.Trainer} and
 * {@link org.metaapo.engine.Generator} do the work on {@link org.metaapo.engine.TokenBatch packed tokens}.
 *
 * <p>All of them own native memory and are {@link java.lang.AutoCloseable}; closing a parent closes what was opened on it,
 * closing twice does nothing, and use after close is an {@link java.lang.IllegalStateException}. Calls on one engine must
 * not overlap. Failures of the native side come as {@link java.lang.IllegalArgumentException} (bad arguments),
 * {@link java.lang.IllegalStateException} (order of calls) or one of {@link org.metaapo.error}.
 */
package org.metaapo.engine;
