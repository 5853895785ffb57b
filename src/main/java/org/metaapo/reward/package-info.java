/** Where rewards of answers come from. */
package org.metaapo.reward;
