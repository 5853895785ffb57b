/** The meta-learner of MetaAPO (arXiv 2509.23371): the weight of a row, and how it is learned. */
package org.metaapo.meta;
