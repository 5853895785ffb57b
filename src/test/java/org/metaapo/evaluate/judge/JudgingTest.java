package org.metaapo.evaluate.judge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.RunFailedException;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.files.Json;
import org.metaapo.reward.CallLog;
import org.metaapo.text.Message;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/** What becomes of calls when a judge hangs, and of their time. */
class JudgingTest {
    private static final JudgeSetup SETUP = new JudgeSetup("judge", Json.mapper().createObjectNode().put("model", "judge"));

    @TempDir
    Path temp;

    /** Answers at once but for the last request, which it never answers unless it is ended. */
    private static final class Hanging implements AnswerJudge {
        private final StopSignal stop;
        private final CountDownLatch ended = new CountDownLatch(1);

        Hanging(StopSignal stop) {
            this.stop = stop;
        }

        @Override
        public JudgeSetup setup() {
            return SETUP;
        }

        @Override
        public int group() {
            return 1;
        }

        @Override
        public int parallel() {
            return 1;
        }

        @Override
        public List<Outcome> ask(List<JudgeRequest> requests, CallLog log) {
            if (requests.get(0).messages().get(0).content().equals("q2")) {
                stop.request();
                try {
                    ended.await();
                } catch (InterruptedException e) {
                    // A command does not heed it.
                    waitOn();
                }
                throw new RunFailedException("ended");
            }
            return List.of(Outcome.of(new JudgeReply("m", Map.of("m", -0.1), false, 10, 1)));
        }

        private void waitOn() {
            try {
                ended.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public void abort() {
            ended.countDown();
        }

        @Override
        public void close() {
            abort();
        }
    }

    private static List<JudgeRequest> requests(int size) {
        return IntStream.range(0, size).mapToObj(i -> new JudgeRequest(List.of(new Message("user", "q" + i)), 1, 0, 5, List.of("m", "M"))).toList();
    }

    @Test
    @Timeout(20)
    void aStopDoesNotWaitForAJudgeThatHangs() throws Exception {
        StopSignal stop = new StopSignal();
        Path file = temp.resolve("replies.jsonl");
        Hanging judge = new Hanging(stop);
        try (ReplyCache cache = ReplyCache.open(file)) {
            Judging judging = new Judging(judge, cache, Budget.free(), RunListener.SILENT, stop, "judging", 200_000_000L);
            assertThatThrownBy(() -> judging.ask(requests(5), SETUP)).isInstanceOf(InterruptedRunException.class)
                    .hasMessageContaining("stopped: 3 of 5 have no reply yet; the replies that came are kept");
        }
        assertThat(judge.ended.await(1, java.util.concurrent.TimeUnit.SECONDS)).isTrue();
        assertThat(Files.readAllLines(file)).hasSize(2);
        assertThat(ReplyCache.keys(file)).hasSize(2);
    }

    @Test
    void aReplyHasTheTimeThatItTookAndKeepsIt() {
        Path file = temp.resolve("replies.jsonl");
        List<Double> seconds = new ArrayList<>();
        for (int time = 0; time < 2; time++) {
            try (ReplyCache cache = ReplyCache.open(file)) {
                seconds.add(new Judging(new Hanging(new StopSignal()), cache, Budget.free(), RunListener.SILENT, new StopSignal(), "judging")
                        .ask(requests(1), SETUP).get(0).reply().seconds());
            }
        }
        assertThat(seconds.get(0)).isPositive().isEqualTo(seconds.get(1));
    }

    @Test
    void repliesOfAFileThatIsNotThereAreNoneAndMakeNone() {
        assertThat(ReplyCache.keys(temp.resolve("none/replies.jsonl"))).isEmpty();
        assertThat(temp.resolve("none")).doesNotExist();
    }
}
