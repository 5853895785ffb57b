package org.metaapo.data;

/**
 * A row's tokens, truncated as configured.
 *
 * @param row where it comes from
 * @param prompt ids of the prompt with the generation prompt
 * @param chosen ids of the better answer; null in a row without one
 * @param rejected ids of the worse answer; null in a row without one
 * @param promptCut tokens cut from the prompt's start
 * @param chosenCut tokens cut from the chosen answer's end
 * @param rejectedCut tokens cut from the rejected answer's end
 */
public record EncodedRow(
        Row row, int[] prompt, int[] chosen, int[] rejected, int promptCut, int chosenCut, int rejectedCut) {}
