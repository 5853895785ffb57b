/** Low-rank adapters (LoRA, arXiv 2106.09685) in PEFT's files: their configuration, which weights they touch, and their tensors. */
package org.metaapo.adapter;
