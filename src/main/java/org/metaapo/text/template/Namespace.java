package org.metaapo.text.template;

import java.util.LinkedHashMap;
import java.util.Map;

/** The object of {@code namespace()}: the one thing whose attributes a template may set. */
final class Namespace extends LinkedHashMap<String, Object> {
    private static final long serialVersionUID = 1;

    Namespace(Map<String, Object> start) {
        super(start);
    }
}
