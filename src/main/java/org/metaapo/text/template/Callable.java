package org.metaapo.text.template;

import java.util.List;
import java.util.Map;

/** What a template can call: a macro, a function or a method of a value. */
interface Callable {
    Object call(List<Object> positional, Map<String, Object> named);
}
