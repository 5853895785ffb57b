package org.metaapo.demo;

import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.metaapo.files.Digests;

/**
 * What makes a world the one it is. The worlds share requests, writers, annotators and gold reward, and differ in these numbers alone.
 *
 * @param name of the world, as suites and {@code metaapo demo --world} have it
 * @param kinds of requests, drawn evenly; a kind that is there twice is asked twice as often
 * @param stale kinds for which the offline sources hold to be right what was right once: most of their chosen answers are wrong today
 * @param unknown kinds whose answers people, and so the policy after SFT, almost never know; the offline sources do
 * @param demonstrations people's answers that SFT trains on
 * @param judgements pairs that a reward model is trained on; 0: none is trained, and {@link WorldReward} stands for one
 * @param pairs offline pairs, which the methods train on
 * @param peopleRight share of people's answers with right content
 * @param peopleKnow the same in the unknown kinds
 * @param peopleOld share of people's answers in the manners of the offline sources
 * @param strongRight share of the stronger source's answers that are right, as the sources hold it
 * @param weakRight the same of the weaker source
 * @param sourceOld share of the sources' answers in manners of their own, which people seldom have; the others are in people's
 * @param offlineNoise share of the offline pairs whose label is turned around
 * @param judgedSources share of the judgements in which a source's answer, right in half of the cases, stands against one of people
 * @param annotatorNoise share of the judgements that are turned around
 * @param charm what a confident opening ("obviously") adds to an answer in the eyes of {@link WorldReward} beyond its gold reward: the
 *     error that all answers share, and that training exploits
 * @param rewardError standard deviation of what {@link WorldReward} is mistaken by about a content: the error of single answers
 * @param slice rows that a policy scores and samples before it is trained on them
 */
public record WorldTerms(
        String name, List<Request.Kind> kinds, Set<Request.Kind> stale, Set<Request.Kind> unknown, int demonstrations, int judgements,
        int pairs, double peopleRight, double peopleKnow, double peopleOld, double strongRight, double weakRight, double sourceOld,
        double offlineNoise, double judgedSources, double annotatorNoise, double charm,
        double rewardError, int slice) {
    /** Old pairs that are poor: all in manners that people dislike, and wrong today in two kinds of five. */
    public static final WorldTerms DEMO = new WorldTerms(
            "demo",
            List.of(Request.Kind.SORT, Request.Kind.REVERSE, Request.Kind.LAST, Request.Kind.COUNT, Request.Kind.FACT),
            EnumSet.of(Request.Kind.SORT, Request.Kind.COUNT), EnumSet.noneOf(Request.Kind.class),
            8000, 4000, 2048, 0.6, 0.6, 0.03, 1, 0, 1, 0.1, 0.2, 0.05, 0, 0, 256);

    /** Old pairs as in the paper's data: mostly right, of a stronger and a weaker source, noisy, and with knowledge the policy lacks. */
    public static final WorldTerms PAPER = new WorldTerms(
            "paper",
            List.of(Request.Kind.SORT, Request.Kind.REVERSE, Request.Kind.LAST, Request.Kind.COUNT, Request.Kind.FACT, Request.Kind.LORE),
            EnumSet.of(Request.Kind.COUNT), EnumSet.of(Request.Kind.LORE),
            8000, 0, 2048, 0.6, 0.02, 0.03, 0.95, 0.05, 0.2, 0.25, 0, 0, 0.7, 0.5, 683);

    /** Amounts that change pairs, judgements or rewards alone. */
    private static final List<String> OF_PAIRS = List.of(
            "strong_right", "weak_right", "source_old", "offline_noise", "judged_sources", "annotator_noise", "charm", "reward_error");

    private static final List<WorldTerms> ALL = List.of(DEMO, PAPER);

    /** Names of the worlds. */
    public static List<String> names() {
        return ALL.stream().map(WorldTerms::name).toList();
    }

    /** The world of a name; null where there is none. */
    public static WorldTerms of(String name) {
        return ALL.stream().filter(terms -> terms.name().equals(name)).findFirst().orElse(null);
    }

    /** A kind in words, with what sets it apart. */
    String shown(Request.Kind kind) {
        return kind.name().toLowerCase(Locale.ROOT)
                + (stale.contains(kind) ? " (stale pairs)" : unknown.contains(kind) ? " (unknown before)" : "");
    }

    /**
     * What the policy after SFT follows from, beside the seed: people and their requests, as a folder's name. The sources of the pairs and
     * the annotators are no part of it.
     */
    public String people() {
        WorldTerms alike = this;
        for (String amount : OF_PAIRS) {
            alike = alike.with(amount, 0);
        }
        return name + "-" + Digests.sha256(alike.toString().getBytes(StandardCharsets.UTF_8)).substring(0, 8);
    }

    /** Names of the terms that are shares or amounts, as {@link #with} takes them. */
    public static List<String> amounts() {
        return Arrays.stream(WorldTerms.class.getRecordComponents())
                .filter(component -> component.getType() == double.class).map(component -> snake(component.getName())).toList();
    }

    /**
     * The same world with another amount of one thing.
     *
     * @param amount one of {@link #amounts}
     */
    public WorldTerms with(String amount, double value) {
        Object[] values = new Object[WorldTerms.class.getRecordComponents().length];
        Class<?>[] types = new Class<?>[values.length];
        try {
            for (int i = 0; i < values.length; i++) {
                RecordComponent component = WorldTerms.class.getRecordComponents()[i];
                types[i] = component.getType();
                values[i] = snake(component.getName()).equals(amount) ? value : component.getAccessor().invoke(this);
            }
            return WorldTerms.class.getDeclaredConstructor(types).newInstance(values);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String snake(String name) {
        return name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }
}
