package org.metaapo.reward;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.metaapo.data.Prompt;
import org.metaapo.ranks.Codec;
import org.metaapo.ranks.Ranks;
import org.metaapo.ranks.SharedWork;
import org.metaapo.text.Answer;

/**
 * A source of rewards on ranks: each rank's local model scores its share of the prompts, and any other source is asked by the leader
 * alone, so that nothing is paid for twice. All ranks have the rewards of all answers.
 */
final class SharedAnnotator implements Annotator {
    private final Ranks ranks;
    private final boolean isLocal;
    /** Null on ranks that ask nothing. */
    private final Annotator source;

    /** {@code opened} opens the source, on the ranks that have one. */
    SharedAnnotator(Ranks ranks, boolean isLocal, Supplier<Annotator> opened) {
        this.ranks = ranks;
        this.isLocal = isLocal;
        this.source = ranks.agree(() -> isLocal || ranks.leader() ? opened.get() : null);
    }

    /**
     * Of a prompt.
     *
     * @param overlong numbers of the answers whose conversation is longer than the source reads
     */
    private record Scored(double[] rewards, double[] overlong) {
        static final Codec<Scored> CODEC = new Codec<>() {
            @Override
            public void write(Scored scored, DataOutput out) throws IOException {
                NUMBERS.write(scored.rewards, out);
                NUMBERS.write(scored.overlong, out);
            }

            @Override
            public Scored read(DataInput in) throws IOException {
                return new Scored(NUMBERS.read(in), NUMBERS.read(in));
            }
        };
    }

    @Override
    public List<double[]> score(List<Prompt> prompts, List<List<Answer>> answers, Watch watch) {
        int[][] shares = isLocal ? SharedWork.inTurn(prompts.size(), ranks.size()) : ofLeader(prompts.size());
        List<Scored> scored = SharedWork.results(ranks, shares, Scored.CODEC, mine -> mine.length == 0 ? List.of() : score(
                Arrays.stream(mine).mapToObj(prompts::get).toList(), Arrays.stream(mine).mapToObj(answers::get).toList(), watch,
                prompts.size()));
        for (int i = 0; i < scored.size(); i++) {
            for (double answer : scored.get(i).overlong()) {
                watch.overlong(i, (int) answer);
            }
        }
        return scored.stream().map(Scored::rewards).toList();
    }

    private int[][] ofLeader(int prompts) {
        return IntStream.range(0, ranks.size()).mapToObj(rank -> rank == 0 ? IntStream.range(0, prompts).toArray() : new int[0]).toArray(int[][]::new);
    }

    /** {@code all} is how many prompts all ranks together have. */
    private List<Scored> score(List<Prompt> prompts, List<List<Answer>> answers, Watch watch, int all) {
        List<List<Double>> overlong = new ArrayList<>();
        prompts.forEach(prompt -> overlong.add(new ArrayList<>()));
        List<double[]> rewards = source.score(prompts, answers, new Watch() {
            @Override
            public void progress(long done) {
                watch.progress(done * all / prompts.size());
            }

            @Override
            public void overlong(int prompt, int answer) {
                overlong.get(prompt).add((double) answer);
            }

            @Override
            public void note(String line) {
                watch.note(line);
            }
        });
        return IntStream.range(0, prompts.size())
                .mapToObj(i -> new Scored(rewards.get(i), overlong.get(i).stream().mapToDouble(Double::doubleValue).toArray()))
                .toList();
    }

    /** Of this rank: the leader's are all there are. */
    @Override
    public AnnotationCosts costs() {
        return source == null ? AnnotationCosts.NONE : source.costs();
    }

    @Override
    public void close() {
        if (source != null) {
            source.close();
        }
    }
}
