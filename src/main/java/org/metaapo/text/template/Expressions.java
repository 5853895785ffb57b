package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The kinds of expressions. */
final class Expressions {
    private Expressions() {}

    static final class Constant extends Expression {
        final Object value;

        Constant(int at, Object value) {
            super(at);
            this.value = value;
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            return value;
        }
    }

    static final class Name extends Expression {
        final String name;

        Name(int at, String name) {
            super(at);
            this.name = name;
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            return evaluation.lookUp(name);
        }
    }

    /** A list or a tuple. */
    static final class Items extends Expression {
        final List<Expression> items;
        final boolean tuple;

        Items(int at, List<Expression> items, boolean tuple) {
            super(at);
            this.items = List.copyOf(items);
            this.tuple = tuple;
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            List<Object> values = new ArrayList<>(items.size());
            for (Expression item : items) {
                values.add(item.value(evaluation));
            }
            return tuple ? new Values.Tuple(values) : values;
        }
    }

    static final class Dict extends Expression {
        private final List<Expression> keys;
        private final List<Expression> values;

        Dict(int at, List<Expression> keys, List<Expression> values) {
            super(at);
            this.keys = List.copyOf(keys);
            this.values = List.copyOf(values);
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            Map<Object, Object> dict = new LinkedHashMap<>();
            for (int i = 0; i < keys.size(); i++) {
                Object key = Types.key(keys.get(i).value(evaluation));
                dict.put(Types.storedKey(dict, key), values.get(i).value(evaluation));
            }
            return dict;
        }
    }

    /** {@code a.name}. */
    static final class Attribute extends Expression {
        private final Expression owner;
        private final String name;

        Attribute(int at, Expression owner, String name) {
            super(at);
            this.owner = owner;
            this.name = name;
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            return Access.attribute(owner.value(evaluation), name);
        }
    }

    /** {@code a[key]}. */
    static final class Item extends Expression {
        private final Expression owner;
        private final Expression key;

        Item(int at, Expression owner, Expression key) {
            super(at);
            this.owner = owner;
            this.key = key;
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            Object value = owner.value(evaluation);
            return Access.item(value, key.value(evaluation), evaluation.budget);
        }
    }

    /** {@code a[start:stop:step]}; parts may be null. */
    static final class Slice extends Expression {
        private final Expression owner;
        private final Expression[] parts;

        Slice(int at, Expression owner, Expression[] parts) {
            super(at);
            this.owner = owner;
            this.parts = parts;
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            Object value = owner.value(evaluation);
            Object[] bounds = new Object[3];
            for (int i = 0; i < 3; i++) {
                bounds[i] = parts[i] == null ? null : parts[i].value(evaluation);
            }
            return Access.slice(value, bounds, evaluation.budget);
        }
    }

    /** Arguments as written: positional, named, {@code *list} and {@code **dict}. */
    record Call(List<Expression> positional, Map<String, Expression> named, Expression list, Expression dict) {
        static final Call NONE = new Call(List.of(), Map.of(), null, null);

        Arguments values(Evaluation evaluation) {
            List<Object> values = new ArrayList<>();
            for (Expression expression : positional) {
                values.add(expression.value(evaluation));
            }
            Map<String, Object> keywords = new LinkedHashMap<>();
            named.forEach((name, expression) -> keywords.put(name, expression.value(evaluation)));
            if (list != null) {
                values.addAll(Types.items(list.value(evaluation), evaluation.budget));
            }
            if (dict != null) {
                if (!(dict.value(evaluation) instanceof Map<?, ?> map)) {
                    throw new TemplateFailure("what follows ** must be a dict");
                }
                map.forEach((key, value) -> keywords.put(Arguments.text(key, "a keyword"), value));
            }
            return new Arguments(values, keywords);
        }
    }

    /** {@code callee(...)}. */
    static final class Invocation extends Expression {
        private final Expression callee;
        private final Call call;

        Invocation(int at, Expression callee, Call call) {
            super(at);
            this.callee = callee;
            this.call = call;
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            return invoke(evaluation, null);
        }

        /** @param caller the body of a {@code call} block, or null */
        Object invoke(Evaluation evaluation, Macro caller) {
            Object function = callee.value(evaluation);
            Arguments arguments = call.values(evaluation);
            if (caller != null) {
                arguments.named().put("caller", caller);
            }
            if (function instanceof Undefined undefined) {
                throw undefined.used();
            }
            if (function instanceof Loop loop) {
                function = loop.recursion();
            }
            if (function instanceof Macro macro) {
                return macro.call(evaluation, arguments);
            }
            if (function instanceof Values.Callable callable) {
                return callable.body().apply(evaluation, arguments);
            }
            throw new TemplateFailure("'" + Types.name(function) + "' object is not callable");
        }
    }

    /** {@code filter(...)} behind a bar. A name that there is not is an error when it is reached, and none in a branch not taken. */
    record FilterCall(int at, String name, Call call) {
        Object apply(Evaluation evaluation, Object value) {
            try {
                return Filters.apply(name, Filters.named(name), evaluation, value, call.values(evaluation));
            } catch (TemplateFailure failure) {
                throw failure.placed(at);
            }
        }
    }

    /** {@code value | filter(...)}. */
    static final class Filtered extends Expression {
        private final Expression input;
        private final FilterCall filter;

        Filtered(Expression input, FilterCall filter) {
            super(filter.at());
            this.input = input;
            this.filter = filter;
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            return filter.apply(evaluation, input.value(evaluation));
        }
    }

    /** {@code value is test(...)}; of a name that there is not as {@link FilterCall}. */
    static final class Tested extends Expression {
        private final Expression input;
        private final String name;
        private final Call call;

        Tested(int at, Expression input, String name, Call call) {
            super(at);
            this.input = input;
            this.name = name;
            this.call = call;
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            Object value = Values.plain(input.value(evaluation));
            return Tests.named(name).holds(evaluation, value, call.values(evaluation));
        }
    }

    /** {@code then if condition else otherwise}. */
    static final class Conditional extends Expression {
        private final Expression condition;
        private final Expression then;
        private final Expression otherwise;

        Conditional(int at, Expression condition, Expression then, Expression otherwise) {
            super(at);
            this.condition = condition;
            this.then = then;
            this.otherwise = otherwise;
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            if (Types.truth(condition.value(evaluation))) {
                return then.value(evaluation);
            }
            return otherwise == null
                    ? new Undefined("the inline if was false and has no else")
                    : otherwise.value(evaluation);
        }
    }

    /** {@code and} and {@code or}: the value that decided. */
    static final class Logical extends Expression {
        private final boolean and;
        private final Expression left;
        private final Expression right;

        Logical(int at, boolean and, Expression left, Expression right) {
            super(at);
            this.and = and;
            this.left = left;
            this.right = right;
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            Object value = left.value(evaluation);
            return Types.truth(value) == and ? right.value(evaluation) : value;
        }
    }

    static final class Not extends Expression {
        private final Expression operand;

        Not(int at, Expression operand) {
            super(at);
            this.operand = operand;
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            return !Types.truth(operand.value(evaluation));
        }
    }

    static final class Sign extends Expression {
        private final boolean minus;
        private final Expression operand;

        Sign(int at, boolean minus, Expression operand) {
            super(at);
            this.minus = minus;
            this.operand = operand;
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            return Operations.negated(operand.value(evaluation), minus);
        }
    }

    static final class Binary extends Expression {
        private final String operator;
        private final Expression left;
        private final Expression right;

        Binary(int at, String operator, Expression left, Expression right) {
            super(at);
            this.operator = operator;
            this.left = left;
            this.right = right;
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            Object a = left.value(evaluation);
            return Operations.binary(operator, a, right.value(evaluation), evaluation.budget);
        }
    }

    /** {@code a ~ b ~ c}. */
    static final class Concatenation extends Expression {
        private final List<Expression> parts;

        Concatenation(int at, List<Expression> parts) {
            super(at);
            this.parts = List.copyOf(parts);
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            StringBuilder out = new StringBuilder();
            for (Expression part : parts) {
                String text = Repr.string(part.value(evaluation), evaluation.budget);
                evaluation.budget.text((long) out.length() + text.length());
                out.append(text);
            }
            return out.toString();
        }
    }

    /** {@code a < b <= c}: holds when each pair does. */
    static final class Comparison extends Expression {
        private final Expression first;
        private final List<String> operators;
        private final List<Expression> operands;

        Comparison(int at, Expression first, List<String> operators, List<Expression> operands) {
            super(at);
            this.first = first;
            this.operators = List.copyOf(operators);
            this.operands = List.copyOf(operands);
        }

        @Override
        Object evaluate(Evaluation evaluation) {
            Object left = first.value(evaluation);
            for (int i = 0; i < operators.size(); i++) {
                Object right = operands.get(i).value(evaluation);
                if (!Operations.comparison(operators.get(i), left, right, evaluation.budget)) {
                    return false;
                }
                left = right;
            }
            return true;
        }
    }
}
