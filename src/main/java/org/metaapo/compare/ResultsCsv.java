package org.metaapo.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.commons.math3.stat.StatUtils;

/** A line a method and seed. */
final class ResultsCsv {
    private ResultsCsv() {}

    static String text(Results results) {
        StringBuilder out = new StringBuilder("method,seed,setting,gold,reward,win_rate,lc_win_rate,kl,answer_tokens,steps");
        Summary.TOTALS.stream().skip(1).forEach(name -> out.append(',').append(name));
        out.append('\n');
        List<RunResult> starts = results.runs().get(Suite.START);
        results.runs().forEach((name, runs) -> runs.forEach(run -> {
            Evaluation found = run.evaluation();
            Evaluation start = starts.stream().filter(s -> s.seed() == run.seed()).findFirst().orElseThrow().evaluation();
            List<String> cells = new ArrayList<>(List.of(name, Long.toString(run.seed()), quoted(String.join(" ", run.setting()))));
            cells.add(found.gold() == null ? "" : number(StatUtils.mean(Evaluation.means(found.gold()))));
            cells.add(number(StatUtils.mean(Evaluation.means(found.reward()))));
            cells.add(number(StatUtils.mean(found.wins(start))));
            cells.add(found.gold() == null ? number(LengthControlledWins.rate(found, start)) : "");
            cells.add(number(StatUtils.mean(Evaluation.means(found.logRatio()))));
            cells.add(number(StatUtils.mean(found.lengths())));
            Summary.TOTALS.forEach(total -> cells.add(run.folder() == null ? "" : number(run.total(total))));
            out.append(String.join(",", cells)).append('\n');
        }));
        return out.toString();
    }

    private static String number(double value) {
        return Double.isNaN(value) ? "" : value == Math.rint(value) && Math.abs(value) < 1e15
                ? Long.toString((long) value)
                : String.format(Locale.ROOT, "%.6g", value);
    }

    private static String quoted(String text) {
        return text.matches("[^\",\n]*") ? text : "\"" + text.replace("\"", "\"\"") + "\"";
    }
}
