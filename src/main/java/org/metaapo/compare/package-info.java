/** Runs methods times seeds on equal terms and says what each is worth: one table, one page. */
package org.metaapo.compare;
