/** A model behind an OpenAI-compatible HTTP interface: requests are answered together, by continuous batching. */
package org.metaapo.serve;
