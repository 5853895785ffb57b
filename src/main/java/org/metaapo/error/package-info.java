/** Typed failures, each with the exit status of the command line. */
package org.metaapo.error;
