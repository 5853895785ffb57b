/** What a run tells about itself: {@code metrics.jsonl}. */
package org.metaapo.metrics;
