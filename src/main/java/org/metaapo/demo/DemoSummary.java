package org.metaapo.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import org.apache.commons.math3.stat.StatUtils;
import org.metaapo.statistics.Bootstrap;
import org.metaapo.statistics.Estimate;
import org.metaapo.statistics.Wins;
import org.metaapo.train.RunFolder;

/** What the demo came to: gold rewards on held-out prompts, the win rate with its interval, and the cost. */
final class DemoSummary {
    private static final int WIDTH = 110;

    private final WorldTerms terms;
    private final List<Request> requests;
    private final List<String> before;
    private final List<String> after;
    private final Path run;
    private final long seed;

    DemoSummary(WorldTerms terms, List<Request> requests, List<String> before, List<String> after, Path run, long seed) {
        this.terms = terms;
        this.requests = requests;
        this.before = before;
        this.after = after;
        this.run = run;
        this.seed = seed;
    }

    String text(double seconds) {
        int n = requests.size();
        double[] sft = rewards(before);
        double[] metaapo = rewards(after);
        double[] wins = new double[n];
        double[] gain = new double[n];
        for (int i = 0; i < n; i++) {
            wins[i] = Wins.outcome(metaapo[i], sft[i]);
            gain[i] = metaapo[i] - sft[i];
        }
        JsonNode end = new RunFolder(run).end();
        double seen = end.path("prompts_seen").asDouble();
        double sampled = end.path("prompts_sampled").asDouble();
        double annotated = end.path("answers_annotated").asDouble();
        StringBuilder out = new StringBuilder("\n");
        line(out, "held-out prompts", "", Integer.toString(n));
        line(out, "gold reward, SFT model", interval(sft), format("%.3f", StatUtils.mean(sft)));
        line(out, "gold reward, MetaAPO", interval(metaapo), format("%.3f", StatUtils.mean(metaapo)));
        line(out, "gain", interval(gain), format("%+.3f", StatUtils.mean(gain)));
        line(out, "win rate over SFT", interval(wins), format("%.3f", StatUtils.mean(wins)));
        for (Request.Kind kind : EnumSet.copyOf(terms.kinds())) {
            line(out, "  gain on " + terms.shown(kind), "", format("%+.3f", StatUtils.mean(of(kind, gain))));
        }
        line(out, "prompts sampled online", "", format("%.1f %%", 100 * sampled / seen));
        line(out, "answers annotated", format("%.0f if every prompt were sampled", annotated / Math.max(1, sampled) * seen),
                format("%.0f", annotated));
        line(out, "time", "", format("%.0f s", seconds));
        out.append('\n').append(paragraph(StatUtils.mean(sft), StatUtils.mean(metaapo), StatUtils.mean(wins), sampled / seen));
        return out.toString();
    }

    private static String format(String pattern, double value) {
        return String.format(Locale.ROOT, pattern, value);
    }

    private static void line(StringBuilder out, String name, String detail, String value) {
        out.append(String.format(Locale.ROOT, "%-34s %9s   %s%n", name, value, detail).replaceAll(" +(\\R)", "$1"));
    }

    private double[] rewards(List<String> answers) {
        double[] rewards = new double[requests.size()];
        Arrays.setAll(rewards, i -> Gold.reward(requests.get(i), answers.get(i)));
        return rewards;
    }

    private double[] of(Request.Kind kind, double[] values) {
        double[] picked = new double[values.length];
        int count = 0;
        for (int i = 0; i < values.length; i++) {
            if (requests.get(i).kind() == kind) {
                picked[count++] = values[i];
            }
        }
        return Arrays.copyOf(picked, count);
    }

    /** 95 % interval of the mean, by bootstrap over prompts. */
    private String interval(double[] values) {
        Estimate estimate = Bootstrap.mean(List.of(values), seed);
        return format("95 %% interval %.3f", estimate.low()) + format(" to %.3f", estimate.high());
    }

    private String paragraph(double sft, double metaapo, double wins, double share) {
        boolean better = metaapo > sft;
        int stale = terms.stale().size();
        String sources = terms.sourceOld() < 1
                ? "The offline pairs come from a stronger and a weaker source, often with manners that the policy seldom has"
                : "The offline pairs come from a source with manners that the policy seldom has";
        String known = terms.unknown().isEmpty() ? "" : " For " + kinds(terms.unknown().size()) + " they know what the policy does not.";
        String text = sources + ", and for " + kinds(stale) + " they prefer what was right once and is wrong today." + known
                + " MetaAPO let the policy answer " + format("%.0f", 100 * share)
                + " % of the prompts anew, where it agreed little with the old pair, and the "
                + (terms.judgements() > 0 ? "reward model" : "rewards") + " ranked those answers. On prompts that no training saw, the gold reward "
                + (better ? "rose" : "did not rise") + " from " + format("%.2f", sft) + " to " + format("%.2f", metaapo)
                + ", and the aligned model's answer is the better one in " + format("%.0f", 100 * wins) + " % of cases (equal ones count half).";
        return text.replaceAll("(.{1," + WIDTH + "})( |$)", "$1\n");
    }

    private static String kinds(int count) {
        return count == 1 ? "one kind of prompt" : "two kinds of prompt";
    }
}
