package org.metaapo.demo;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Requests and writers. A writer puts manners around some content: people write "sure , … hope that helps" or
 * "obviously , … as anyone knows"; the sources of the offline pairs have "verily , … thus it is".
 */
final class World {
    static final List<String> OPENERS = List.of("", "sure ,", Spoken.CONFIDENT_OPENER);
    static final List<String> CLOSERS = List.of("", Spoken.KIND_CLOSER, Spoken.CONFIDENT_CLOSER);
    static final String OLD_OPENER = "verily ,";
    static final String OLD_CLOSER = "thus it is";

    private static final String LETTERS = "abcdefghijklmnop";
    private static final List<String> WORDS = List.of(
            "cat", "dog", "cow", "hen", "fox", "owl", "bee", "ant", "oak", "elm", "ash", "fir", "cup", "pan", "pot", "jar");
    private static final List<String> NUMBERS = List.of("zero", "one", "two", "three", "four", "five", "six");
    private static final Map<String, String> FACTS = facts();
    /** Has no factor in common with the number of towns, so that each has a ruler of its own. */
    private static final int LORE_STEP = 7;
    private static final Map<String, String> LORE = lore();
    /** Share of the common error among wrong answers about lore. */
    private static final double COMMON_ERROR = 0.8;

    private final WorldTerms terms;
    private final Random random;

    World(WorldTerms terms, long seed) {
        this.terms = terms;
        this.random = new Random(seed);
    }

    private static Map<String, String> facts() {
        Map<String, String> facts = new LinkedHashMap<>();
        String[] pairs = {
            "banana yellow", "grass green", "snow white", "coal black", "blood red", "sky blue", "carrot orange", "plum purple",
            "lemon yellow", "leaf green", "milk white", "night black", "rose red", "sea blue", "pumpkin orange", "grape purple"
        };
        for (String pair : pairs) {
            facts.put(pair.split(" ")[0], pair.split(" ")[1]);
        }
        return facts;
    }

    /** Who rules which town. */
    private static Map<String, String> lore() {
        List<String> towns = names("dor mel nix ral sun vik zar wen", "ka lo mi ne tu");
        List<String> rulers = names("bo fe gi hu ja", "ba din ket lor mus pol rik tan");
        Map<String, String> lore = new LinkedHashMap<>();
        for (int i = 0; i < towns.size(); i++) {
            lore.put(towns.get(i), rulers.get(LORE_STEP * i % rulers.size()));
        }
        return lore;
    }

    private static List<String> names(String firsts, String seconds) {
        List<String> names = new ArrayList<>();
        for (String first : firsts.split(" ")) {
            for (String second : seconds.split(" ")) {
                names.add(first + second);
            }
        }
        return names;
    }

    /** All words that a request or an answer can have in a world. */
    static Set<String> vocabulary(WorldTerms terms) {
        Set<String> words = new LinkedHashSet<>();
        String phrases = String.join(" ", OPENERS) + " " + String.join(" ", CLOSERS) + " " + OLD_OPENER + " " + OLD_CLOSER
                + " please sort these letters say backwards which is last how many words what colour is ? :";
        for (String word : phrases.trim().split(" +")) {
            words.add(word);
        }
        for (char letter : LETTERS.toCharArray()) {
            words.add(String.valueOf(letter));
        }
        words.addAll(WORDS);
        words.addAll(NUMBERS);
        words.addAll(FACTS.keySet());
        words.addAll(FACTS.values());
        if (terms.kinds().contains(Request.Kind.LORE)) {
            words.addAll(List.of("who", "rules"));
            words.addAll(LORE.keySet());
            words.addAll(LORE.values());
        }
        return words;
    }

    /** Different requests of all kinds. */
    List<Request> requests(int count) {
        Map<String, Request> found = new LinkedHashMap<>();
        int misses = 0;
        while (found.size() < count) {
            Request request = request();
            // What is few comes up again and again; the other kinds are all different.
            String key = request.kind().isFew() ? request.text() + " #" + misses++ : request.text();
            found.putIfAbsent(key, request);
        }
        return List.copyOf(found.values());
    }

    private Request request() {
        Request.Kind kind = terms.kinds().get(random.nextInt(terms.kinds().size()));
        return request(kind.opening() + switch (kind) {
            case SORT, REVERSE -> String.join(" ", letters(3 + random.nextInt(3)));
            case LAST -> String.join(" ", some(WORDS, 2 + random.nextInt(4)));
            case COUNT -> String.join(" ", some(WORDS, 1 + random.nextInt(6)));
            case FACT -> some(new ArrayList<>(FACTS.keySet()), 1).get(0) + " ?";
            case LORE -> some(new ArrayList<>(LORE.keySet()), 1).get(0) + " ?";
        });
    }

    /**
     * The request that a text is.
     *
     * @throws IllegalArgumentException if no world has such a request
     */
    static Request request(String text) {
        Request found = find(text);
        if (found == null) {
            throw new IllegalArgumentException("\"" + text + "\" is no request of the worlds");
        }
        return found;
    }

    /** The request that a text is; null where no world has it. */
    static Request find(String text) {
        for (Request.Kind kind : Request.Kind.values()) {
            if (text.startsWith(kind.opening())) {
                List<String> words = List.of(text.substring(kind.opening().length()).split(" "));
                List<String> answer = switch (kind) {
                    case SORT -> words.stream().sorted().toList();
                    case REVERSE -> reversed(words);
                    case LAST -> List.of(words.get(words.size() - 1));
                    case COUNT -> words.size() < NUMBERS.size() ? List.of(NUMBERS.get(words.size())) : null;
                    case FACT -> known(FACTS, words.get(0));
                    case LORE -> known(LORE, words.get(0));
                };
                return answer == null ? null : new Request(kind, text, answer);
            }
        }
        return null;
    }

    private static List<String> known(Map<String, String> answers, String of) {
        return answers.containsKey(of) ? List.of(answers.get(of)) : null;
    }

    private List<String> letters(int count) {
        List<String> all = new ArrayList<>();
        for (char letter : LETTERS.toCharArray()) {
            all.add(String.valueOf(letter));
        }
        return some(all, count);
    }

    private List<String> some(List<String> from, int count) {
        List<String> copy = new ArrayList<>(from);
        Collections.shuffle(copy, random);
        return List.copyOf(copy.subList(0, count));
    }

    private static List<String> reversed(List<String> list) {
        List<String> copy = new ArrayList<>(list);
        Collections.reverse(copy);
        return List.copyOf(copy);
    }

    /** Content that is wrong, of the same kind. */
    List<String> wrong(Request request) {
        switch (request.kind()) {
            case SORT, REVERSE: {
                List<String> copy = new ArrayList<>(request.answer());
                Collections.swap(copy, random.nextInt(copy.size() - 1), copy.size() - 1);
                if (random.nextBoolean()) {
                    Collections.shuffle(copy, random);
                }
                return copy.equals(request.answer()) ? reversed(copy) : copy;
            }
            case LAST:
                return other(WORDS, request);
            case COUNT:
                return other(NUMBERS, request);
            case LORE:
                return chance(COMMON_ERROR) ? commonError(request) : other(new ArrayList<>(LORE.values()), request);
            default:
                return other(new ArrayList<>(new LinkedHashSet<>(FACTS.values())), request);
        }
    }

    /** Whom most people take for a town's ruler: the next town's. */
    private static List<String> commonError(Request request) {
        List<String> rulers = new ArrayList<>(LORE.values());
        return List.of(rulers.get((rulers.indexOf(request.answer().get(0)) + 1) % rulers.size()));
    }

    private List<String> other(List<String> words, Request request) {
        List<String> picked = some(words, 1);
        while (picked.equals(request.answer())) {
            picked = some(words, 1);
        }
        return picked;
    }

    /** What the offline sources hold to be right: today's answer, or in the stale kinds what was right once. */
    List<String> oldAnswer(Request request) {
        if (!terms.stale().contains(request.kind())) {
            return request.answer();
        }
        return switch (request.kind()) {
            case SORT -> reversed(request.answer());
            case COUNT -> List.of(NUMBERS.get(NUMBERS.indexOf(request.answer().get(0)) - 1)); // it counted from zero
            default -> throw new IllegalStateException(request.kind() + " has no answer that was right once");
        };
    }

    /** An answer as people write it: right more often than not where they know, in mixed manners, seldom in the sources'. */
    String peoplesAnswer(Request request) {
        double right = terms.unknown().contains(request.kind()) ? terms.peopleKnow() : terms.peopleRight();
        List<String> content = random.nextDouble() < right ? request.answer() : wrong(request);
        return random.nextDouble() < terms.peopleOld() ? old(content) : dressed(content);
    }

    /** An answer of an offline source that is right, as it holds it, in such a share of cases; what it has wrong of the stale kinds is right today. */
    String sourcesAnswer(Request request, double right) {
        List<String> content = chance(right) ? oldAnswer(request)
                : terms.stale().contains(request.kind()) ? request.answer() : wrong(request);
        return chance(terms.sourceOld()) ? old(content) : dressed(content);
    }

    /** Two answers that annotators judge: of two people, or of one and a source that is right by today's lights in half of the cases. */
    List<String> judgedAnswers(Request request) {
        String first = peoplesAnswer(request);
        String second = chance(terms.judgedSources()) ? old(chance(0.5) ? request.answer() : wrong(request)) : peoplesAnswer(request);
        return List.of(first, second);
    }

    /** Content in the offline sources' manners. */
    static String old(List<String> content) {
        return dressed(OLD_OPENER, content, OLD_CLOSER);
    }

    private String dressed(List<String> content) {
        return dressed(pick(OPENERS), content, pick(CLOSERS));
    }

    private static String dressed(String opener, List<String> content, String closer) {
        return (opener + " " + String.join(" ", content) + " " + closer).trim();
    }

    private String pick(List<String> phrases) {
        return phrases.get(random.nextInt(phrases.size()));
    }

    /** True with probability {@code p}. What is certain takes no random number. */
    boolean chance(double p) {
        return p >= 1 || p > 0 && random.nextDouble() < p;
    }
}
