package org.metaapo.chat;

import java.util.List;

/** Where answers are shown. Models are numbered as the chat has them. */
interface AnswerView {
    /** Whether the answers of two models are shown side by side while both are written; else one after the other. */
    boolean isSideBySide();

    /**
     * Answers begin.
     *
     * @param models by number: one, or all that are shown side by side
     */
    void begin(List<Integer> models);

    /** More text of an answer. */
    void text(int model, String more);

    /** No more comes of an answer. */
    void over(int model);

    /**
     * All that began are over.
     *
     * @param notes lines for people
     */
    void end(List<String> notes);
}
