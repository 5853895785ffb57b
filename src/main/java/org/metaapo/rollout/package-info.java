/** Which prompts the policy answers anew, and what becomes of its answers. */
package org.metaapo.rollout;
