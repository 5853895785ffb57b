/** Intervals and tests of measured means. */
package org.metaapo.statistics;
