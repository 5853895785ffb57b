/** Judges of answers, and the calls that are made to them: each paid for once, within a budget, none guessed. */
package org.metaapo.evaluate.judge;
