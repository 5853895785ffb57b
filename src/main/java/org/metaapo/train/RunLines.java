package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.function.Supplier;
import org.metaapo.config.RunConfig;
import org.metaapo.metrics.MetricsWriter;
import org.metaapo.tracking.RunInfo;
import org.metaapo.tracking.RunLog;
import org.metaapo.tracking.Tracking;

/**
 * The lines of a run's {@code metrics.jsonl}: each gets the time it was written at, and the parts of the run that its listener hears of
 * become lines of kind {@code phase}. The leader of the ranks writes; every rank's listener hears.
 */
final class RunLines implements RunListener, AutoCloseable {
    private final RunListener listener;
    private final Supplier<SliceRows.Place> place;
    private final Tracking tracking;
    private MetricsWriter writer;

    /** {@code listener} hears of all that this one hears of, and of the lines; {@code place} says where the run is. */
    RunLines(RunListener listener, Supplier<SliceRows.Place> place, Tracking tracking) {
        this.tracking = tracking;
        this.listener = listener;
        this.place = place;
    }

    /**
     * Opens the file, cut to {@code bytes}; before, nothing is written.
     *
     * @param resumedAtStep step of the checkpoint; −1 where there is none
     */
    void open(RunOutput output, long bytes, RunConfig config, long resumedAtStep) {
        RunFolder folder = output.folder();
        writer = output.lines(folder.metrics(), bytes);
        tracking.start(RunInfo.of(folder.path(), config), resumedAtStep, new RunLog(folder.metrics(), bytes, folder::samples));
    }

    /** Writes a line. */
    void emit(ObjectNode line) {
        line.put("time", System.currentTimeMillis() * 1e-3);
        writer.write(line);
        listener.metrics(line);
        tracking.line(line);
    }

    /** Writes that a phase begins. */
    void phase(Phase phase) {
        SliceRows.Place now = place.get();
        emit(MetricsWriter.line().put("kind", "phase").put("phase", phase.word()).put("epoch", now.epoch()).put("slice", now.slice())
                .put("step", now.step()));
    }

    /** Bytes written, safely on the disk. */
    long sync() {
        return writer.sync();
    }

    /** A checkpoint was taken. */
    void checkpoint() {
        tracking.checkpoint();
    }

    @Override
    public void note(String line) {
        listener.note(line);
    }

    @Override
    public void begin(String part, long total) {
        Phase phase = Phase.of(part);
        if (phase != null && writer != null) {
            phase(phase);
        }
        listener.begin(part, total);
    }

    @Override
    public void progress(long done, String detail) {
        listener.progress(done, detail);
    }

    @Override
    public void end() {
        listener.end();
    }

    @Override
    public void metrics(ObjectNode line) {
        listener.metrics(line);
    }

    @Override
    public void close() {
        if (writer != null) {
            writer.close();
        }
    }
}
