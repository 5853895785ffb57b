/** Arena-Hard v2.0 and v0.1: verdicts, scores with and without style control, and its files. */
package org.metaapo.evaluate.arena;
