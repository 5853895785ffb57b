/** The recipes: one loop, which differs in how rows are prepared and what the loss is. */
package org.metaapo.train;
