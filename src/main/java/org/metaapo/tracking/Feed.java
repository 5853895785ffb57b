package org.metaapo.tracking;

import java.nio.file.Files;

/** Gives trackers lines, and of a slice its weights and some of its answers. */
final class Feed {
    /** Tag of the sampled answers. */
    static final String SAMPLES = "samples/online";
    private static final String WEIGHTS = "metaapo/weight";

    private Feed() {}

    static void give(Tracker tracker, TrackedLine line) throws Exception {
        if (!line.values().isEmpty()) {
            tracker.log(line.step(), line.time(), line.values());
        }
        if (line.samples() != null && Files.isRegularFile(line.samples())) {
            SliceSamples samples = SliceSamples.read(line.samples());
            if (samples.weights().length > 0) {
                tracker.histogram(line.step(), line.time(), WEIGHTS, samples.weights());
            }
            if (!samples.markdown().isEmpty()) {
                tracker.text(line.step(), line.time(), SAMPLES, samples.markdown());
            }
        }
    }
}
