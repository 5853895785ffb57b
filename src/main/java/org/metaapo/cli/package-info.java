/** The command line: a file a command, no logic of its own. */
package org.metaapo.cli;
