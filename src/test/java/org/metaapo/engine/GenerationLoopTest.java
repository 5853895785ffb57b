package org.metaapo.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Requests of many threads on one generator. */
@Timeout(60)
class GenerationLoopTest {
    private static final ModelShape SHAPE = new ModelShape(
            31, 16, 32, 2, 2, 1, 8, 128, OptionalInt.empty(), List.of(), Head.LM, false, false, false, false, false, ModelShape.Rope.DEFAULT, 1e-5, 1e4, 1, 0, 0, 0);

    private Engine engine;
    private Model model;

    @BeforeEach
    void open() {
        engine = Engine.open(DeviceSpec.CPU, 1);
        model = engine.createModel(SHAPE, Dtype.F32);
        model.initialize(3, 0.5);
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private static Sampling sampling(int k, int width, long seed) {
        return new Sampling(k, width, false, 0, 1, 1, seed, new int[] {7});
    }

    /** What a submission heard. */
    private static final class Heard implements GenerationLoop.Listener {
        private final Map<Integer, List<Integer>> ids = new HashMap<>();
        private final CountDownLatch end = new CountDownLatch(1);
        private RuntimeException failure;

        @Override
        public synchronized void token(int prompt, GeneratedToken token) {
            ids.computeIfAbsent(prompt * 100 + token.answer(), any -> new ArrayList<>()).add(token.id());
        }

        @Override
        public void finished() {
            end.countDown();
        }

        @Override
        public void failed(RuntimeException cause) {
            failure = cause;
            end.countDown();
        }

        synchronized int count() {
            return ids.values().stream().mapToInt(List::size).sum();
        }
    }

    @Test
    void answersOfManyThreadsAreThoseOfAClosedCall() throws Exception {
        List<List<Integer>> expected = new ArrayList<>();
        for (int i = 0; i < 24; i++) {
            try (Generator alone = model.generator(new GeneratorOptions(2, 200))) {
                for (GeneratedAnswer answer : alone.generate(List.of(prompt(i)), new long[] {i}, sampling(2, 12, i), null).get(0)) {
                    expected.add(java.util.Arrays.stream(answer.tokens()).boxed().toList());
                }
            }
        }
        try (Generator generator = model.generator(new GeneratorOptions(5, 400));
                GenerationLoop loop = new GenerationLoop(generator, 24, note -> { })) {
            ExecutorService threads = Executors.newFixedThreadPool(8);
            List<Future<Heard>> all = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                int number = i;
                all.add(threads.submit(() -> {
                    Heard heard = new Heard();
                    loop.submit(List.of(new GenerationRequest(prompt(number), number, 0, sampling(2, 12, number))), heard);
                    heard.end.await();
                    return heard;
                }));
            }
            for (int i = 0; i < all.size(); i++) {
                Heard heard = all.get(i).get(60, TimeUnit.SECONDS);
                assertThat(heard.failure).isNull();
                for (int k = 0; k < 2; k++) {
                    assertThat(heard.ids.get(k)).as("request %d, answer %d", i, k).isEqualTo(expected.get(2 * i + k));
                }
            }
            threads.shutdown();
            assertThat(loop.open()).isZero();
            GeneratorState state = generator.state();
            assertThat(state.freePages()).isEqualTo(state.pages());
        }
    }

    private static int[] prompt(int i) {
        int[] ids = new int[1 + i % 20];
        java.util.Arrays.setAll(ids, t -> (t * 5 + i) % 31);
        return ids;
    }

    @Test
    void oneMoreThanMayBeOpenIsRefusedAndWhatIsCancelledMakesRoom() throws Exception {
        try (Generator generator = model.generator(new GeneratorOptions(2, 400));
                GenerationLoop loop = new GenerationLoop(generator, 2, note -> { })) {
            GenerationRequest endless = new GenerationRequest(new int[] {3}, 0, 0, new Sampling(1, 120, false, 0, 1, 1, 1, new int[0]));
            // Slow, for the submissions to meet.
            CountDownLatch go = new CountDownLatch(1);
            Heard slow = new Heard();
            GenerationLoop.Submission first = loop.submit(List.of(endless, endless), new GenerationLoop.Listener() {
                @Override
                public void token(int prompt, GeneratedToken token) {
                    try {
                        go.await();
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                    slow.token(prompt, token);
                }

                @Override
                public void finished() {
                    slow.finished();
                }

                @Override
                public void failed(RuntimeException cause) {
                    slow.failed(cause);
                }
            });
            Heard second = new Heard();
            loop.submit(List.of(endless), second);
            assertThatThrownBy(() -> loop.submit(List.of(endless), new Heard())).isInstanceOf(GenerationLoop.FullException.class);
            first.cancel(0, 0);
            first.cancel();
            first.cancel();
            go.countDown();
            slow.end.await();
            assertThat(slow.failure).isNull();
            assertThat(slow.count()).isLessThan(240);
            second.end.await();
            assertThat(second.count()).isEqualTo(120);
            Heard third = new Heard();
            loop.submit(List.of(endless), third);
            third.end.await();
            assertThat(third.count()).isEqualTo(120);
        }
    }

    @Test
    void aListenerThatFailsEndsItsOwnAlone() throws Exception {
        try (Generator generator = model.generator(new GeneratorOptions(2, 400));
                GenerationLoop loop = new GenerationLoop(generator, 9, note -> { })) {
            GenerationRequest some = new GenerationRequest(new int[] {3}, 0, 0, sampling(2, 30, 1));
            Heard broken = new Heard();
            Heard good = new Heard();
            loop.submit(List.of(some), new GenerationLoop.Listener() {
                @Override
                public void token(int prompt, GeneratedToken token) {
                    throw new IllegalStateException("broken");
                }

                @Override
                public void finished() {
                    broken.finished();
                }

                @Override
                public void failed(RuntimeException cause) {
                    broken.failed(cause);
                }
            });
            loop.submit(List.of(some), good);
            broken.end.await();
            good.end.await();
            assertThat(broken.failure).hasMessage("broken");
            assertThat(good.failure).isNull();
            Heard wrong = new Heard();
            loop.submit(List.of(some, new GenerationRequest(new int[] {99}, 0, 0, sampling(1, 5, 1))), wrong);
            wrong.end.await();
            assertThat(wrong.failure).isInstanceOf(IllegalArgumentException.class).hasMessageContaining("vocabulary");
            assertThat(loop.open()).isZero();
        }
    }

    @Test
    void closingEndsWhatRuns() throws Exception {
        Heard heard = new Heard();
        try (Generator generator = model.generator(new GeneratorOptions(2, 400))) {
            GenerationLoop loop = new GenerationLoop(generator, 9, note -> { });
            loop.submit(List.of(new GenerationRequest(new int[] {3}, 0, 0, new Sampling(1, 120, false, 0, 1, 1, 1, new int[0]))), heard);
            loop.close();
            loop.close();
            heard.end.await();
            assertThatThrownBy(() -> loop.submit(List.of(), new Heard())).isInstanceOf(IllegalStateException.class);
            assertThat(generator.state().freePages()).isEqualTo(generator.state().pages());
        }
    }
}
