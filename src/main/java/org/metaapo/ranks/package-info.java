/** The processes or threads that do one command together, and how work is shared out among them. */
package org.metaapo.ranks;
