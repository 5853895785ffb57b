/** Benchmarks of answers that a judge rates: what all of them share. Each benchmark has a package below. */
package org.metaapo.evaluate;
