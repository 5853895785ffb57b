/** Checkpoints and the safetensors files that they, and model folders, are made of. */
package org.metaapo.checkpoint;
