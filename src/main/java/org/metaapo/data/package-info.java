/** Preference data: rows from files, checked line by line, their tokens, and their order. */
package org.metaapo.data;
