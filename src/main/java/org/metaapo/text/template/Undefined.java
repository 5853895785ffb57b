package org.metaapo.text.template;

/**
 * The value of a name or attribute that is not there: empty as text, false, without items; any other use fails.
 *
 * @param reason what is not there
 */
record Undefined(String reason) {
    static Undefined name(String name) {
        return new Undefined("\"" + name + "\" is undefined");
    }

    static Undefined attribute(Object owner, Object key) {
        if (owner instanceof Undefined undefined) {
            throw undefined.used();
        }
        String type = owner == null ? "None" : Types.name(owner) + " object";
        return new Undefined(
                key instanceof String name ? "'" + type + "' has no attribute '" + name + "'" : type + " has no element " + Repr.of(key));
    }

    TemplateFailure used() {
        return new TemplateFailure(reason);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Undefined;
    }

    @Override
    public int hashCode() {
        return 0;
    }
}
