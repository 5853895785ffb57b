package org.metaapo.demo;

import java.util.List;

/** The gold reward: what the world's people really want. Training never sees it. */
final class Gold {
    private static final double CONTENT = 2.0;
    private static final double KIND_CLOSER = 0.5;
    private static final double RUDE = 0.5;
    private static final double OLD = 0.3;

    private Gold() {}

    /** Content right word by word up to 2, kindness +0.5, rudeness −0.5 each, old manners −0.3 each; 2.5 is best. */
    static double reward(Request request, String answer) {
        return reward(request, answer, RUDE);
    }

    /**
     * An answer as annotators see it: the gold reward, but for what confident phrases do to them.
     *
     * @param charm what each such phrase adds beyond its gold reward
     */
    static double asJudged(Request request, String answer, double charm) {
        return reward(request, answer, RUDE - charm);
    }

    private static double reward(Request request, String answer, double rude) {
        String rest = answer.trim();
        double reward = 0;
        for (String opener : List.of("sure ,", "obviously ,", World.OLD_OPENER)) {
            if (rest.equals(opener) || rest.startsWith(opener + " ")) {
                rest = rest.substring(opener.length()).trim();
                reward -= opener.equals("obviously ,") ? rude : opener.equals(World.OLD_OPENER) ? OLD : 0;
                break;
            }
        }
        for (String closer : List.of("hope that helps", "as anyone knows", World.OLD_CLOSER)) {
            if (rest.equals(closer) || rest.endsWith(" " + closer)) {
                rest = rest.substring(0, rest.length() - closer.length()).trim();
                reward += closer.equals("hope that helps") ? KIND_CLOSER : closer.equals("as anyone knows") ? -rude : -OLD;
                break;
            }
        }
        String[] words = rest.isEmpty() ? new String[0] : rest.split(" +");
        int right = 0;
        for (int i = 0; i < Math.min(words.length, request.answer().size()); i++) {
            right += words[i].equals(request.answer().get(i)) ? 1 : 0;
        }
        return reward + CONTENT * right / Math.max(words.length, request.answer().size());
    }
}
