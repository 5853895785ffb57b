package org.metaapo.demo;

/** The gold reward: what the world's people really want. Training never sees it. */
final class Gold {
    private static final double CONTENT = 2.0;
    private static final double KIND_CLOSER = 0.5;
    private static final double RUDE = 0.5;
    private static final double OLD = 0.3;

    private Gold() {}

    /** Content right word by word up to 2, kindness +0.5, rudeness −0.5 each, old manners −0.3 each; 2.5 is best. */
    static double reward(Request request, String answer) {
        Spoken spoken = Spoken.of(answer);
        double reward = switch (spoken.opener()) {
            case Spoken.CONFIDENT_OPENER -> -RUDE;
            case World.OLD_OPENER -> -OLD;
            default -> 0;
        };
        reward += switch (spoken.closer()) {
            case Spoken.KIND_CLOSER -> KIND_CLOSER;
            case Spoken.CONFIDENT_CLOSER -> -RUDE;
            case World.OLD_CLOSER -> -OLD;
            default -> 0;
        };
        int words = spoken.content().size();
        int right = 0;
        for (int i = 0; i < Math.min(words, request.answer().size()); i++) {
            right += spoken.content().get(i).equals(request.answer().get(i)) ? 1 : 0;
        }
        return reward + CONTENT * right / Math.max(words, request.answer().size());
    }
}
