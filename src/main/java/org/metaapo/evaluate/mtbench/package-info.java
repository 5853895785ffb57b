/** MT-Bench: ratings, means and pairwise rates, and its files. */
package org.metaapo.evaluate.mtbench;
