package org.metaapo.inspect;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.metaapo.engine.Dtype;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.ChatOptions;
import org.metaapo.text.Message;

/** Judges what was counted: each judgement is a method. */
final class Findings {
    /** Share of cut answers, or prompts, that a run may have. */
    static final double MOST_CUT = 0.05;

    /** Fields that a template need not show. */
    private static final Set<String> UNREAD_ELSEWHERE = Set.of("role", "content", "id", "name", "tool_call_id", "weight", "timestamp");

    private static final double BIASED_SHARE = 0.6;
    private static final double SURE_SIGMAS = 3;

    private final List<Finding> findings = new ArrayList<>();
    private final Statistics statistics;

    private Findings(Statistics statistics) {
        this.statistics = statistics;
    }

    /**
     * All findings, errors first.
     *
     * @param probe null where no conversation was rendered
     * @param stopDifference who names which stop token, where they differ; else null
     * @param stepZero null where no weights were read
     */
    static List<Finding> of(
            Statistics statistics, InspectOptions options, ChatFormat format, TemplateProbe probe, String stopDifference,
            StepZero stepZero) {
        Findings all = new Findings(statistics);
        all.badRows();
        all.template(probe, format);
        all.stops(stopDifference);
        all.input(format);
        all.boundary(options.chat().boundary());
        all.ends(format);
        all.begins(format);
        all.truncation(options);
        all.pairs();
        all.texts();
        all.repeats();
        all.lengthBias();
        if (stepZero != null) {
            all.stepZero(stepZero);
        }
        List<Finding> sorted =
                new ArrayList<>(all.findings.stream().filter(Finding::error).toList());
        all.findings.stream().filter(finding -> !finding.error()).forEach(sorted::add);
        return sorted;
    }

    private void error(String name, String message, String advice, List<String> examples) {
        findings.add(new Finding(name, true, message, advice, examples));
    }

    private void warn(String name, String message, String advice, List<String> examples) {
        findings.add(new Finding(name, false, message, advice, examples));
    }

    private void badRows() {
        Tally bad = statistics.bad;
        if (bad.count() > 0) {
            error(
                    "bad-rows",
                    of(bad.count(), statistics.rows(), "rows") + " cannot be read or encoded",
                    "mend them; or data.on_error: skip trains without them",
                    bad.examples());
        }
        if (statistics.tooLong.count() > 0) {
            error(
                    "too-long",
                    of(statistics.tooLong.count(), statistics.encoded(), "rows")
                            + " have more tokens than the model has positions",
                    "lower --max-length (data.max_length)",
                    statistics.tooLong.examples());
        }
    }

    private void template(TemplateProbe probe, ChatFormat format) {
        if (probe == null) {
            return;
        }
        if (!probe.generationPrompt()) {
            error(
                    "no-generation-prompt",
                    "the template ignores add_generation_prompt: the header " + quoted(probe.inserted())
                            + " becomes part of every answer, and generation starts without it",
                    "end the template with {%- if add_generation_prompt %}" + "…{%- endif %} that writes this header",
                    List.of());
        } else if (!probe.inserted().isEmpty()) {
            warn(
                    "inserted-text",
                    "the template writes " + quoted(probe.inserted())
                            + " before every answer, which is trained as its beginning",
                    "check that the model is to write it itself",
                    List.of());
        }
    }

    private void stops(String difference) {
        if (difference != null) {
            warn(
                    "stop-tokens",
                    difference,
                    "let eos_token_id in generation_config.json name all of them, or mend the file that is wrong",
                    List.of());
        }
    }

    /** What rows say that does not reach the model. */
    private void input(ChatFormat format) {
        Tally plain = statistics.plainOnTemplate;
        if (plain.count() > 0) {
            warn(
                    "plain-prompts",
                    of(plain.count(), statistics.encoded(), "rows") + " are plain text, and the model has a chat template, which is not used",
                    "write them as messages with role and content, if the model is to chat",
                    plain.examples());
        }
        statistics.hints.forEach((hint, rows) -> warn(
                "prompts-alone",
                of(rows.count(), statistics.encoded(), "rows") + " are read as prompts alone" + hint,
                "rename the columns, if answers are to be read",
                rows.examples()));
        statistics.templateInput.forEach((name, rows) -> {
            if (!UNREAD_ELSEWHERE.contains(name) && Message.readAs(name).stream().noneMatch(format::templateMentions)) {
                warn(
                        "not-in-template",
                        of(rows.count(), statistics.encoded(), "rows") + " have " + name + ", which the chat template never reads",
                        "check its name, or use a template that reads it",
                        rows.examples());
            }
        });
    }

    private void boundary(ChatOptions.Boundary boundary) {
        Tally parted = statistics.partedAnswers;
        if (parted.count() > 0) {
            boolean keeps = boundary == ChatOptions.Boundary.PROMPT;
            warn(
                    "merged-boundary",
                    of(parted.count(), statistics.answers(), "answers")
                            + (keeps
                                    ? " would merge with the prompt's end, whose tokens stay; what follows is tokenized by itself,"
                                            + " as the model writes it"
                                    : " begin before the prompt's end, which is another when they follow: it is left out, and the model"
                                            + " is trained on a context that it does not see when it answers"),
                    keeps
                            ? "nothing to mend; --boundary common (data.boundary) gives TRL's numbers"
                            : "--boundary prompt (data.boundary) keeps the prompt, as far as the template does",
                    parted.examples());
        }
    }

    private void ends(ChatFormat format) {
        Tally missing = statistics.missingEos;
        if (missing.count() > 0) {
            String eos = format.tokenizer().specialToken("eos_token");
            error(
                    "missing-eos",
                    of(missing.count(), statistics.answers(), "answers")
                            + " end without a stop token: the model would not learn to stop",
                    eos == null
                            ? "set eos_token in tokenizer_config.json and eos_token_id in generation_config.json"
                            : "let eos_token_id in generation_config.json name " + eos
                                    + ", and the template end an answer with it",
                    missing.examples());
        }
    }

    private void begins(ChatFormat format) {
        String bos = format.tokenizer().specialToken("bos_token");
        if (statistics.doubleBos.count() > 0) {
            error(
                    "double-bos",
                    of(statistics.doubleBos.count(), statistics.encoded(), "rows") + " have BOS (" + bos + ") twice",
                    "remove it from the data's texts, or one of them from the template",
                    statistics.doubleBos.examples());
        }
        if (statistics.missingBos.count() > 0) {
            warn(
                    "missing-bos",
                    of(statistics.missingBos.count(), statistics.encoded(), "rows") + " do not begin with BOS (" + bos
                            + ")",
                    "if the model was trained with it, begin the template with {{- bos_token }}",
                    statistics.missingBos.examples());
        }
    }

    private void truncation(InspectOptions options) {
        Tally answers = statistics.cutAnswers;
        if (answers.count() > 0) {
            String name = "truncated-answers";
            String message =
                    of(answers.count(), statistics.answers(), "answers") + " are cut, and end without a stop token";
            String advice = "raise --max-length (data.max_length), now " + options.maxLength() + ": "
                    + statistics.whole.quantile(1 - MOST_CUT) + " keeps 95 % whole, " + statistics.whole.max() + " all";
            findings.add(new Finding(
                    name, answers.count() > MOST_CUT * statistics.answers(), message, advice, answers.examples()));
        }
        Tally prompts = statistics.cutPrompts;
        if (prompts.count() > 0) {
            findings.add(new Finding(
                    "truncated-prompts",
                    prompts.count() > MOST_CUT * statistics.encoded(),
                    of(prompts.count(), statistics.encoded(), "prompts")
                            + " lost their beginning, with BOS and any system message",
                    "raise --max-prompt-length (data.max_prompt_length), now " + options.maxPromptLength(),
                    prompts.examples()));
        }
    }

    private void pairs() {
        statistics.dropped.forEach((reason, tally) -> {
            if (reason.startsWith("answers equal")) {
                boolean cut = reason.endsWith("cut");
                error(
                        cut ? "equal-after-cut" : "equal-pairs",
                        of(tally.count(), statistics.rows(), "rows") + " have equal answers"
                                + (cut ? " after the cut" : "") + " and are dropped",
                        cut
                                ? "raise --max-length (data.max_length)"
                                : "remove these rows; look for what made them equal",
                        tally.examples());
            }
        });
        Tally contradicted = statistics.contradictedPairs;
        if (contradicted.count() > 0) {
            warn(
                    "contradicting-scores",
                    of(contradicted.count(), statistics.encoded(), "pairs") + " have a score_chosen below their score_rejected",
                    "exchange chosen and rejected, or the scores, where they were mixed up; or remove these rows",
                    contradicted.examples());
        }
        Tally opposed = statistics.opposedPairs;
        if (opposed.count() > 0) {
            warn(
                    "opposed-pairs",
                    of(opposed.count(), statistics.encoded(), "pairs")
                            + " prefer the other way round what an earlier pair prefers",
                    "remove one of each, or ask what they disagree on",
                    opposed.examples());
        }
    }

    private void texts() {
        Tally empty = statistics.emptyAnswers;
        if (empty.count() > 0) {
            warn(
                    "blank-answers",
                    of(empty.count(), statistics.answers(), "answers") + " are only white space",
                    "remove these rows",
                    empty.examples());
        }
        Tally specials = statistics.specialsInText;
        if (specials.count() > 0) {
            warn(
                    "special-tokens-in-text",
                    of(specials.count(), statistics.encoded(), "rows")
                            + " spell a special token in a message, and the tokenizer takes it for one",
                    "remove it from the text",
                    specials.examples());
        }
        Tally unknown = statistics.unknownTokens;
        if (unknown.count() > 0) {
            warn(
                    "unknown-tokens",
                    of(unknown.count(), statistics.encoded(), "rows") + " have text that the tokenizer cannot spell",
                    "check that the tokenizer is the model's own",
                    unknown.examples());
        }
    }

    private void repeats() {
        if (statistics.repeatedRows.count() > 0) {
            warn(
                    "duplicate-rows",
                    of(statistics.repeatedRows.count(), statistics.encoded(), "rows")
                            + " have the tokens of an earlier row",
                    "remove them, if they are not meant to weigh more",
                    statistics.repeatedRows.examples());
        }
    }

    private void lengthBias() {
        LengthBias bias = statistics.bias;
        double share = bias.longerShare();
        if (Math.abs(bias.sigmas()) > SURE_SIGMAS && Math.max(share, 1 - share) > BIASED_SHARE) {
            boolean longer = share > 0.5;
            warn(
                    "length-bias",
                    String.format(
                            Locale.ROOT,
                            "the chosen answer is the %s one in %.1f %% of pairs, by %.0f tokens on average (ratio"
                                    + " %.2f)",
                            longer ? "longer" : "shorter",
                            100 * (longer ? share : 1 - share),
                            Math.abs(bias.meanDifference()),
                            bias.ratio()),
                    "the model will learn length; balance the data, or take an objective on means (simpo, ipo)",
                    List.of());
        }
    }

    private void stepZero(StepZero zero) {
        if (zero.chosenPerToken() < 1.1 * zero.uniform()) {
            error(
                    "unlikely-answers",
                    String.format(
                            Locale.ROOT,
                            "the model gives the answers %.2f a token, less than a guess among all tokens would get"
                                    + " (%.2f)",
                            zero.chosenPerToken(),
                            zero.uniform()),
                    "check that template and tokenizer are the model's own",
                    List.of());
        }
        if (zero.endPerToken() < 1.1 * zero.uniform()) {
            warn(
                    "unlikely-end",
                    String.format(
                            Locale.ROOT,
                            "the model gives the token that ends the answers %.2f, less than a guess would get (%.2f)",
                            zero.endPerToken(),
                            zero.uniform()),
                    "check that the end of a turn is the one that the model was trained with",
                    List.of());
        }
        double most = zero.dtype() == Dtype.F32 ? 1e-4 : 2e-2;
        if (zero.pairs() > 0 && !(Math.abs(zero.loss() - Math.log(2)) <= most)) {
            error(
                    "step-zero-loss",
                    String.format(
                            Locale.ROOT,
                            "the loss with policy = reference is %.6f; expected ln 2 = 0.693147",
                            zero.loss()),
                    "this is a defect of the engine on this device; please report it",
                    List.of());
        }
    }

    /** "12 of 240 rows (5.0 %)". */
    private static String of(long count, long all, String what) {
        return String.format(Locale.ROOT, "%,d of %,d %s (%s)", count, all, what, percent(count, all));
    }

    /** A share as text: never 0 or 100 where it is neither. */
    static String percent(long count, long all) {
        double share = all == 0 ? 0 : 100.0 * count / all;
        double low = count > 0 ? 0.1 : 0;
        double high = count < all ? 99.9 : 100;
        return String.format(Locale.ROOT, "%.1f %%", Math.min(high, Math.max(low, share)));
    }

    private static String quoted(String text) {
        return "\"" + text.replace("\n", "\\n") + "\"";
    }
}
