/** A run's configuration: one table of keys, one YAML file, overrides from the command line. */
package org.metaapo.config;
