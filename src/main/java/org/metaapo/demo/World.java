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
 * "obviously , … as anyone knows"; the old source, from which the offline pairs come, writes "verily , … thus it is".
 */
final class World {
    static final List<String> OPENERS = List.of("", "sure ,", "obviously ,");
    static final List<String> CLOSERS = List.of("", "hope that helps", "as anyone knows");
    static final String OLD_OPENER = "verily ,";
    static final String OLD_CLOSER = "thus it is";

    private static final String LETTERS = "abcdefghijklmnop";
    private static final List<String> WORDS = List.of(
            "cat", "dog", "cow", "hen", "fox", "owl", "bee", "ant", "oak", "elm", "ash", "fir", "cup", "pan", "pot", "jar");
    private static final List<String> NUMBERS = List.of("zero", "one", "two", "three", "four", "five", "six");
    private static final Map<String, String> FACTS = facts();
    private static final double RIGHT = 0.6;
    private static final double OLD_MANNERS = 0.03;

    private final Random random;

    World(long seed) {
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

    /** All words that a request or an answer can have. */
    static Set<String> vocabulary() {
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
        return words;
    }

    /** Different requests of all kinds. */
    List<Request> requests(int count) {
        Map<String, Request> found = new LinkedHashMap<>();
        int misses = 0;
        while (found.size() < count) {
            Request request = request();
            // Facts are few and come up again and again; the other kinds are all different.
            String key = request.kind() == Request.Kind.FACT ? request.text() + " #" + misses++ : request.text();
            found.putIfAbsent(key, request);
        }
        return List.copyOf(found.values());
    }

    private Request request() {
        Request.Kind kind = Request.Kind.values()[random.nextInt(Request.Kind.values().length)];
        switch (kind) {
            case SORT: {
                List<String> letters = letters(3 + random.nextInt(3));
                return new Request(kind, "sort these letters : " + String.join(" ", letters), letters.stream().sorted().toList());
            }
            case REVERSE: {
                List<String> letters = letters(3 + random.nextInt(3));
                return new Request(kind, "say backwards : " + String.join(" ", letters), reversed(letters));
            }
            case LAST: {
                List<String> words = some(WORDS, 2 + random.nextInt(4));
                return new Request(kind, "which is last : " + String.join(" ", words), List.of(words.get(words.size() - 1)));
            }
            case COUNT: {
                List<String> words = some(WORDS, 1 + random.nextInt(6));
                return new Request(kind, "how many words : " + String.join(" ", words), List.of(NUMBERS.get(words.size())));
            }
            default: {
                String thing = some(new ArrayList<>(FACTS.keySet()), 1).get(0);
                return new Request(kind, "what colour is " + thing + " ?", List.of(FACTS.get(thing)));
            }
        }
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
            default:
                return other(new ArrayList<>(new LinkedHashSet<>(FACTS.values())), request);
        }
    }

    private List<String> other(List<String> words, Request request) {
        List<String> picked = some(words, 1);
        while (picked.equals(request.answer())) {
            picked = some(words, 1);
        }
        return picked;
    }

    /** What the old source holds to be right: today's answer, or in the stale kinds what was right once. */
    List<String> oldAnswer(Request request) {
        return switch (request.kind()) {
            case SORT -> reversed(request.answer());
            case COUNT -> List.of(NUMBERS.get(NUMBERS.indexOf(request.answer().get(0)) - 1)); // it counted from zero
            default -> request.answer();
        };
    }

    /** An answer as people write it: right more often than not, in mixed manners, seldom in the old ones. */
    String peoplesAnswer(Request request) {
        List<String> content = random.nextDouble() < RIGHT ? request.answer() : wrong(request);
        return random.nextDouble() < OLD_MANNERS
                ? old(content)
                : dressed(pick(OPENERS), content, pick(CLOSERS));
    }

    /** Content in the old source's manners. */
    static String old(List<String> content) {
        return dressed(OLD_OPENER, content, OLD_CLOSER);
    }

    private static String dressed(String opener, List<String> content, String closer) {
        return (opener + " " + String.join(" ", content) + " " + closer).trim();
    }

    private String pick(List<String> phrases) {
        return phrases.get(random.nextInt(phrases.size()));
    }

    /** True with probability {@code p}. */
    boolean chance(double p) {
        return random.nextDouble() < p;
    }
}
