package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.Collection;

/** A list that prints as Python's tuple. */
final class Tuple extends ArrayList<Object> {
    private static final long serialVersionUID = 1;

    Tuple(Collection<?> items) {
        super(items);
    }
}
