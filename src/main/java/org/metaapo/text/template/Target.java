package org.metaapo.text.template;

import java.util.List;

/** What can be assigned to. */
interface Target {
    void assign(Evaluation evaluation, Object value);

    /** The names that become variables. */
    List<String> names();

    /** A name. */
    record Name(String name) implements Target {
        @Override
        public void assign(Evaluation evaluation, Object value) {
            evaluation.assign(name, value);
        }

        @Override
        public List<String> names() {
            return List.of(name);
        }
    }

    /** An attribute of a namespace. */
    record Attribute(String owner, String name) implements Target {
        @Override
        public void assign(Evaluation evaluation, Object value) {
            Object namespace = evaluation.lookUp(owner);
            if (!(namespace instanceof Values.Namespace found)) {
                throw new TemplateFailure("cannot assign attribute '" + name + "' on non-namespace object '" + owner + "'");
            }
            found.attributes.put(name, value);
        }

        @Override
        public List<String> names() {
            return List.of();
        }
    }

    /** Several targets that share the items of a value. */
    record Unpacked(List<Target> targets) implements Target {
        @Override
        public void assign(Evaluation evaluation, Object value) {
            List<Object> items = Types.items(value, evaluation.budget);
            if (items.size() != targets.size()) {
                throw new TemplateFailure("expected " + targets.size() + " values to unpack, found " + items.size());
            }
            for (int i = 0; i < items.size(); i++) {
                targets.get(i).assign(evaluation, items.get(i));
            }
        }

        @Override
        public List<String> names() {
            return targets.stream().flatMap(target -> target.names().stream()).toList();
        }
    }
}
