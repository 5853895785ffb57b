package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.metaapo.text.template.Evaluation.Flow;

/** The kinds of statements. */
final class Statements {
    private Statements() {}

    /** Text outside of tags. */
    static final class Data extends Statement {
        private final String text;

        Data(int at, String text) {
            super(at);
            this.text = text;
        }

        @Override
        Flow execute(Evaluation evaluation) {
            evaluation.write(text);
            return Flow.NEXT;
        }
    }

    /** Makes the names undefined that a block assigns before it reads them. */
    static final class Hide extends Statement {
        private final Frame frame;

        Hide(Frame frame) {
            super(-1);
            this.frame = frame;
        }

        @Override
        Flow execute(Evaluation evaluation) {
            frame.hidden().forEach(name -> evaluation.assign(name, Undefined.name(name)));
            return Flow.NEXT;
        }
    }

    /** <code>{{ value }}</code>. */
    static final class Print extends Statement {
        private final Expression value;

        Print(Expression value) {
            super(value.at);
            this.value = value;
        }

        @Override
        Flow execute(Evaluation evaluation) {
            evaluation.write(Repr.string(value.value(evaluation), evaluation.budget));
            return Flow.NEXT;
        }
    }

    /** {@code break} or {@code continue}. */
    static final class Jump extends Statement {
        private final Flow flow;

        Jump(int at, Flow flow) {
            super(at);
            this.flow = flow;
        }

        @Override
        Flow execute(Evaluation evaluation) {
            return flow;
        }
    }

    /** {@code if}, its {@code elif}s and its {@code else} (a branch whose condition is null). */
    static final class If extends Statement {
        private final List<Branch> branches;

        If(int at, List<Branch> branches) {
            super(at);
            this.branches = List.copyOf(branches);
        }

        record Branch(Expression condition, List<Statement> body) {}

        @Override
        Flow execute(Evaluation evaluation) {
            for (Branch branch : branches) {
                if (branch.condition() == null || Types.truth(branch.condition().value(evaluation))) {
                    return evaluation.run(branch.body());
                }
            }
            return Flow.NEXT;
        }
    }

    /** {@code for}, with its filter, {@code else} and recursion. */
    static final class For extends Statement {
        private final Target target;
        private final Expression iterable;
        private final Expression condition;
        private final List<Statement> body;
        private final List<Statement> otherwise;
        private final boolean recursive;

        For(int at, Target target, Expression iterable, Expression condition, boolean recursive, List<Statement> body, List<Statement> otherwise) {
            super(at);
            this.target = target;
            this.iterable = iterable;
            this.condition = condition;
            this.recursive = recursive;
            this.body = body;
            this.otherwise = otherwise;
        }

        @Override
        Flow execute(Evaluation evaluation) {
            loop(evaluation, evaluation.scope(), iterable.value(evaluation), 0);
            return Flow.NEXT;
        }

        private void loop(Evaluation evaluation, Evaluation.Scope outer, Object value, int depth) {
            Values.Callable recursion = !recursive ? null : new Values.Callable("loop", (running, arguments) -> {
                Object inner = arguments.bind("loop", "iterable")[0];
                running.budget.enter();
                String text = running.captured(() -> loop(running, outer, inner, depth + 1));
                running.budget.leave();
                return text;
            });
            Iterator<Object> items = Types.iterator(value, evaluation.budget);
            boolean counted = condition == null && !(value instanceof Values.Generated);
            Loop loop = condition == null
                    ? new Loop(items, counted ? Types.length(value) : -1, depth, recursion)
                    : new Loop(new Lazy(items, item -> holds(evaluation, outer, item) ? item : Lazy.SKIPPED), -1, depth, recursion);
            // As in jinja2, an iteration that ends with break or continue does not count for the else.
            boolean completed = false;
            while (loop.advance()) {
                evaluation.budget.step();
                HashMap<String, Object> names = new HashMap<>();
                names.put("loop", loop);
                List<Statement> steps = new ArrayList<>(body.size() + 1);
                steps.add(new Bind(at, target, loop.item()));
                steps.addAll(body);
                Flow flow = evaluation.inScope(outer, names, steps);
                if (flow == Flow.BREAK) {
                    break;
                }
                completed |= flow == Flow.NEXT;
            }
            if (!completed) {
                evaluation.inScope(outer, new HashMap<>(), otherwise);
            }
        }

        /** Whether the loop's filter keeps an item. */
        private boolean holds(Evaluation evaluation, Evaluation.Scope outer, Object item) {
            boolean[] holds = new boolean[1];
            Statement check = new Statement(at) {
                @Override
                Flow execute(Evaluation running) {
                    holds[0] = Types.truth(condition.value(running));
                    return Flow.NEXT;
                }
            };
            evaluation.inScope(outer, new HashMap<>(), List.of(new Bind(at, target, item), check));
            return holds[0];
        }
    }

    /** Gives a loop's target its item. */
    private static final class Bind extends Statement {
        private final Target target;
        private final Object value;

        Bind(int at, Target target, Object value) {
            super(at);
            this.target = target;
            this.value = value;
        }

        @Override
        Flow execute(Evaluation evaluation) {
            target.assign(evaluation, value);
            return Flow.NEXT;
        }
    }

    /** {@code set target = value}. */
    static final class Assign extends Statement {
        private final Target target;
        private final Expression value;

        Assign(int at, Target target, Expression value) {
            super(at);
            this.target = target;
            this.value = value;
        }

        @Override
        Flow execute(Evaluation evaluation) {
            target.assign(evaluation, value.value(evaluation));
            return Flow.NEXT;
        }
    }

    /** {@code set target}…{@code endset} and, without a target, {@code filter}…{@code endfilter}. */
    static final class Captured extends Statement {
        private final Target target;
        private final List<Expressions.FilterCall> filters;
        private final List<Statement> body;

        Captured(int at, Target target, List<Expressions.FilterCall> filters, List<Statement> body) {
            super(at);
            this.target = target;
            this.filters = List.copyOf(filters);
            this.body = body;
        }

        @Override
        Flow execute(Evaluation evaluation) {
            Object value = evaluation.captured(() -> evaluation.inScope(evaluation.scope(), new HashMap<>(), body));
            for (Expressions.FilterCall filter : filters) {
                value = filter.apply(evaluation, value);
            }
            if (target == null) {
                evaluation.write(Repr.string(value, evaluation.budget));
            } else {
                target.assign(evaluation, value);
            }
            return Flow.NEXT;
        }
    }

    /** {@code with}. */
    static final class With extends Statement {
        private final List<Target> targets;
        private final List<Expression> values;
        private final List<Statement> body;

        With(int at, List<Target> targets, List<Expression> values, List<Statement> body) {
            super(at);
            this.targets = targets;
            this.values = values;
            this.body = body;
        }

        @Override
        Flow execute(Evaluation evaluation) {
            // All values are those of the scope outside.
            List<Statement> steps = new ArrayList<>();
            for (int i = 0; i < targets.size(); i++) {
                steps.add(new Bind(at, targets.get(i), values.get(i).value(evaluation)));
            }
            steps.addAll(body);
            return evaluation.inScope(evaluation.scope(), new HashMap<>(), steps);
        }
    }

    /** {@code macro}. */
    static final class DefineMacro extends Statement {
        private final String name;
        private final Macro.Definition definition;

        DefineMacro(int at, String name, Macro.Definition definition) {
            super(at);
            this.name = name;
            this.definition = definition;
        }

        @Override
        Flow execute(Evaluation evaluation) {
            evaluation.assign(name, new Macro(name, definition, evaluation.scope()));
            return Flow.NEXT;
        }
    }

    /** {@code call}. */
    static final class CallBlock extends Statement {
        private final Expressions.Invocation invocation;
        private final Macro.Definition body;

        CallBlock(int at, Expressions.Invocation invocation, Macro.Definition body) {
            super(at);
            this.invocation = invocation;
            this.body = body;
        }

        @Override
        Flow execute(Evaluation evaluation) {
            Object result = invocation.invoke(evaluation, new Macro(null, body, evaluation.scope()));
            evaluation.write(Repr.string(result, evaluation.budget));
            return Flow.NEXT;
        }
    }

    /** {@code generation}: what the assistant wrote. */
    static final class Generation extends Statement {
        private final List<Statement> body;

        Generation(int at, List<Statement> body) {
            super(at);
            this.body = body;
        }

        @Override
        Flow execute(Evaluation evaluation) {
            // In jinja2 the body is a macro that is called without arguments.
            HashMap<String, Object> names = new HashMap<>();
            names.put("varargs", new Values.Tuple(List.of()));
            names.put("kwargs", Map.of());
            names.put("caller", new Undefined("no caller defined"));
            evaluation.writeGenerated(at, () -> evaluation.inScope(evaluation.scope(), names, body));
            return Flow.NEXT;
        }
    }
}
