/**
 * Trackers: where a run's curves are shown beside its folder. What they are given is derived from the lines of {@code metrics.jsonl} and
 * the files of samples alone, so that a run's folder can be shown later too.
 */
package org.metaapo.tracking;
