/** JMH benchmarks over the bindings: the boundary's own cost, single ops, whole jobs, and cuBLAS as the yardstick. */
package org.metaapo.benchmarks;
