/** What theory says of a run's meta-learner: MetaAPO's theorem 1, its quantities measured. */
package org.metaapo.theory;
