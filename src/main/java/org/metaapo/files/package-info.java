/** Small file utilities: atomic writing, digests, run locks and strict JSON. They know nothing of models or training. */
package org.metaapo.files;
