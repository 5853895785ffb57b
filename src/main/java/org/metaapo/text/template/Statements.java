package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
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
            List<Object> items = kept(evaluation, outer, Types.items(value, evaluation.budget));
            Values.Callable recursion = !recursive ? null : new Values.Callable("loop", (running, arguments) -> {
                Object inner = arguments.bind("loop", "iterable")[0];
                running.budget.enter();
                String text = running.captured(() -> loop(running, outer, inner, depth + 1));
                running.budget.leave();
                return text;
            });
            Loop loop = new Loop(items, depth, recursion);
            while (loop.advance()) {
                evaluation.budget.step();
                HashMap<String, Object> names = new HashMap<>();
                names.put("loop", loop);
                List<Statement> steps = new ArrayList<>(body.size() + 1);
                steps.add(new Bind(at, target, loop.item()));
                steps.addAll(body);
                if (evaluation.inScope(outer, names, steps) == Flow.BREAK) {
                    break;
                }
            }
            if (items.isEmpty()) {
                evaluation.inScope(outer, new HashMap<>(), otherwise);
            }
        }

        private List<Object> kept(Evaluation evaluation, Evaluation.Scope outer, List<Object> items) {
            if (condition == null) {
                return items;
            }
            List<Object> kept = new ArrayList<>();
            for (Object item : items) {
                boolean[] holds = new boolean[1];
                Statement check = new Statement(at) {
                    @Override
                    Flow execute(Evaluation running) {
                        holds[0] = Types.truth(condition.value(running));
                        return Flow.NEXT;
                    }
                };
                HashMap<String, Object> names = new HashMap<>();
                names.put("loop", new Undefined("the filter of a loop cannot use 'loop'"));
                evaluation.inScope(outer, names, List.of(new Bind(at, target, item), check));
                if (holds[0]) {
                    kept.add(item);
                }
            }
            return kept;
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
            evaluation.writeGenerated(
                    evaluation.captured(() -> evaluation.inScope(evaluation.scope(), new HashMap<>(), body)));
            return Flow.NEXT;
        }
    }
}
