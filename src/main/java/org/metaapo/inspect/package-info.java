/** {@code metaapo inspect}: rows as the model sees them, statistics of the data, and what would silently hurt a run. */
package org.metaapo.inspect;
