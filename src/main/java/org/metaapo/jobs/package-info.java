/** What the commands do beside training: score, generate, reward, inspect, plan. */
package org.metaapo.jobs;
