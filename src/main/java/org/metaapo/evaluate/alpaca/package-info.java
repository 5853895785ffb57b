/** AlpacaEval 2: order, preferences, win rates and their length control, and its files. */
package org.metaapo.evaluate.alpaca;
