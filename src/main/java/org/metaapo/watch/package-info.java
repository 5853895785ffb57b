/** A live page of runs: reads their folders as they grow, and serves what it finds to browsers. */
package org.metaapo.watch;
