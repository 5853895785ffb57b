package org.metaapo.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.error.DataException;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

class WorkersTest {
    @TempDir
    Path temp;

    private final List<String> order = Collections.synchronizedList(new ArrayList<>());
    private final List<Long> shown = new ArrayList<>();
    private final StopSignal stop = new StopSignal();

    private Task task(String name, Task.Body body) {
        return new Task(name, 1, 1, false, listener -> {
            order.add(name);
            body.run(listener);
        });
    }

    private Workers workers(int parallel, int tasks) {
        RunListener listener = new RunListener() {
            @Override
            public void progress(long done, String detail) {
                shown.add(done);
            }
        };
        return new Workers(parallel, new Board(listener, temp.resolve("log.txt"), tasks, 0), stop);
    }

    private Workers.Stage stage(String name, Task.Body first, Task.Body then) {
        return new Workers.Stage(task(name, first), List.of(Workers.Stage.of(task(name + "a", then)), Workers.Stage.of(task(name + "b", then))));
    }

    @Test
    void aSeedsTasksComeInTheirOrderAfterItsWorld() {
        workers(1, 6).run(List.of(stage("1", listener -> {}, listener -> {}), stage("2", listener -> {}, listener -> {})));
        assertThat(order).containsExactly("1", "2", "1a", "1b", "2a", "2b");
        assertThat(shown).isSorted().endsWith(100L);
    }

    @Test
    void whatNeedsATasksResultComesAfterItAndFailsWithIt() {
        Workers workers = workers(2, 4);
        workers.run(List.of(new Workers.Stage(task("world", listener -> {}), List.of(
                new Workers.Stage(task("dpo", listener -> {
                    throw new DataException("no data");
                }), List.of(new Workers.Stage(task("metaapo", listener -> {}), List.of(Workers.Stage.of(task("last", listener -> {})))))),
                new Workers.Stage(task("sft", listener -> {}), List.of(Workers.Stage.of(task("xpo", listener -> {}))))))));
        assertThat(order).containsSubsequence("world", "dpo").containsSubsequence("world", "sft", "xpo").doesNotContain("metaapo", "last");
        assertThat(workers.failures()).containsOnlyKeys("dpo", "metaapo", "last");
        assertThat(workers.failures().get("last")).hasMessage("metaapo failed");
        assertThat(shown).endsWith(100L);
    }

    @Test
    void aFailureThatIsToldEndsItsOwnTasksAlone() {
        Workers workers = workers(2, 6);
        workers.run(List.of(
                stage("1", listener -> {
                    throw new DataException("no data");
                }, listener -> {}),
                stage("2", listener -> {}, listener -> {})));
        assertThat(order).containsExactlyInAnyOrder("1", "2", "2a", "2b");
        assertThat(workers.failures()).containsOnlyKeys("1", "1a", "1b");
        assertThat(workers.failures().get("1")).hasMessage("no data");
        assertThat(shown).endsWith(100L);
    }

    @Test
    void aStopAndAnUnexpectedFailureEndEverything() {
        assertThatThrownBy(() -> workers(1, 6).run(List.of(
                        stage("1", listener -> stop.request(), listener -> {}), stage("2", listener -> {}, listener -> {}))))
                .isInstanceOf(InterruptedRunException.class);
        assertThat(order).containsExactly("1");
        StopSignal other = new StopSignal();
        Workers workers = new Workers(1, new Board(RunListener.SILENT, temp.resolve("log.txt"), 3, 0), other);
        assertThatThrownBy(() -> workers.run(List.of(stage("3", listener -> {
                    throw new IllegalStateException("a bug");
                }, listener -> {}))))
                .isInstanceOf(IllegalStateException.class).hasMessage("a bug");
        assertThat(order).containsExactly("1", "3");
    }

    @Test
    void theProgressOfATaskOfTwoRunsDoesNotGoBack() {
        workers(1, 1).run(List.of(new Workers.Stage(new Task("w", 1, 2, false, listener -> {
            for (int run = 0; run < 2; run++) {
                for (int step = 0; step <= 4; step++) {
                    listener.begin("training", 4);
                    listener.progress(step, "");
                    listener.begin("sampling", 100);
                    listener.progress(90, "");
                }
            }
        }), List.of())));
        assertThat(shown).isSorted().contains(12L, 50L, 87L).endsWith(100L);
    }
}
