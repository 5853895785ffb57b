package org.metaapo.text.template;

import java.util.List;

/** The variable {@code loop} of a for loop. */
final class Loop {
    private final List<Object> items;
    private final int depth;
    private int index;
    private Object lastChanged = this;

    Loop(List<Object> items, int depth) {
        this.items = items;
        this.depth = depth;
    }

    void moveTo(int position) {
        index = position;
    }

    int depth() {
        return depth;
    }

    Object attribute(String name) {
        int size = items.size();
        return switch (name) {
            case "index" -> index + 1L;
            case "index0" -> (long) index;
            case "revindex" -> (long) size - index;
            case "revindex0" -> size - index - 1L;
            case "first" -> index == 0;
            case "last" -> index == size - 1;
            case "length" -> (long) size;
            case "depth" -> (long) depth;
            case "depth0" -> depth - 1L;
            case "previtem" -> index > 0 ? items.get(index - 1) : new Undefined("previtem");
            case "nextitem" -> index + 1 < size ? items.get(index + 1) : new Undefined("nextitem");
            case "cycle" -> (Callable) (p, n) -> p.get(index % p.size());
            case "changed" -> (Callable) (p, n) -> {
                boolean changed = !p.equals(lastChanged);
                lastChanged = p;
                return changed;
            };
            default -> new Undefined("loop." + name);
        };
    }
}
