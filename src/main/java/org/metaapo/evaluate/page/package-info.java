/** Several models beside each other: intervals, paired tests, and the page. */
package org.metaapo.evaluate.page;
