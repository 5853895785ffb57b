/** Hugging Face model folders, read and written: configuration, tensor names and shapes, shards. */
package org.metaapo.model;
