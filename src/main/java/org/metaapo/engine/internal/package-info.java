/** Generated bindings of {@code metaapo.h}; used by {@link org.metaapo.engine} alone. */
package org.metaapo.engine.internal;
