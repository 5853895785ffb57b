package org.metaapo.tracking;

import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Messages of TensorBoard's event files, by the definitions in tensorflow/core/util/event.proto, framework/summary.proto and
 * tensorboard/plugins/hparams/plugin_data.proto.
 */
final class Events {
    /** Fields of Event. */
    private static final int WALL_TIME = 1;
    private static final int STEP = 2;
    private static final int FILE_VERSION = 3;
    private static final int SUMMARY = 5;
    private static final int SESSION_LOG = 7;
    private static final int SOURCE_METADATA = 10;
    /** Fields of Summary.Value. */
    private static final int TAG = 1;
    private static final int SIMPLE_VALUE = 2;
    private static final int HISTOGRAM = 5;
    private static final int TENSOR = 8;
    private static final int METADATA = 9;
    /** Of TensorProto's dtype. */
    private static final int FLOAT = 1;
    private static final int STRING = 7;
    /** Fields of HParamsPluginData. */
    private static final int EXPERIMENT = 2;
    private static final int SESSION_START = 3;
    private static final int SESSION_END = 4;

    private Events() {}

    private static ProtoMessage event(double time, long step) {
        return new ProtoMessage().real(WALL_TIME, time).integer(STEP, step);
    }

    private static ProtoMessage event(double time, long step, ProtoMessage summary) {
        return event(time, step).message(SUMMARY, summary);
    }

    /** A file's first record. */
    static ProtoMessage fileVersion(double time) {
        return new ProtoMessage().real(WALL_TIME, time).text(FILE_VERSION, "brain.Event:2")
                .message(SOURCE_METADATA, new ProtoMessage().text(1, "metaapo"));
    }

    /** What stands at this step or later in earlier files of the folder holds no more. */
    static ProtoMessage sessionStart(double time, long step) {
        return event(time, step).message(SESSION_LOG, new ProtoMessage().integer(1, 1));
    }

    static ProtoMessage scalars(double time, long step, Map<String, Double> values) {
        ProtoMessage summary = new ProtoMessage();
        values.forEach((tag, value) -> summary.message(1, new ProtoMessage().text(TAG, tag).real(SIMPLE_VALUE, value.floatValue())));
        return event(time, step, summary);
    }

    /** A text in Markdown. */
    static ProtoMessage text(double time, long step, String tag, String markdown) {
        ProtoMessage tensor = new ProtoMessage().integer(1, STRING).message(2, new ProtoMessage()).text(8, markdown);
        return event(time, step, value(tag, "text", null, tensor));
    }

    /** Counts of values in {@code bins} bins of equal width from {@code low} to {@code high}; what is beyond is in the outer ones. */
    static ProtoMessage histogram(double time, long step, String tag, double[] values, double low, double high, int bins) {
        double[] limits = new double[bins];
        double[] counts = new double[bins];
        for (int i = 0; i < bins; i++) {
            limits[i] = low + (high - low) * (i + 1) / bins;
        }
        for (double value : values) {
            counts[Math.max(0, Math.min(bins - 1, (int) ((value - low) / (high - low) * bins)))]++;
        }
        ProtoMessage histogram = new ProtoMessage()
                .real(1, Arrays.stream(values).min().orElseThrow()).real(2, Arrays.stream(values).max().orElseThrow())
                .real(3, (double) values.length).real(4, Arrays.stream(values).sum()).real(5, Arrays.stream(values).map(x -> x * x).sum())
                .reals(6, limits).reals(7, counts);
        return event(time, step, new ProtoMessage().message(1, new ProtoMessage().text(TAG, tag).message(HISTOGRAM, histogram)));
    }

    /** The hyper-parameters that runs have, and the metrics that they are compared by. */
    static ProtoMessage experiment(double time, Map<String, Object> values, List<String> metrics) {
        ProtoMessage body = new ProtoMessage().real(3, time);
        values.forEach((name, value) -> body.message(4, new ProtoMessage().text(1, name).integer(4, type(value))));
        metrics.forEach(metric -> body.message(5, new ProtoMessage().message(1, new ProtoMessage().text(2, metric))));
        return hyperParameters(time, "_hparams_/experiment", EXPERIMENT, body);
    }

    /** This run's hyper-parameters. */
    static ProtoMessage sessionStartInfo(double time, Map<String, Object> values, String group) {
        ProtoMessage body = new ProtoMessage();
        values.forEach((name, value) -> body.message(1, new ProtoMessage().text(1, name).message(2, value(value))));
        return hyperParameters(time, "_hparams_/session_start_info", SESSION_START, body.text(4, group).real(5, time));
    }

    /** The run is over; status 1 says that it succeeded. */
    static ProtoMessage sessionEndInfo(double time, int status) {
        return hyperParameters(time, "_hparams_/session_end_info", SESSION_END, new ProtoMessage().integer(1, status).real(2, time));
    }

    private static ProtoMessage hyperParameters(double time, String tag, int field, ProtoMessage body) {
        // A reader wants a tensor beside the content: a scalar zero.
        ProtoMessage zero = new ProtoMessage().integer(1, FLOAT).message(2, new ProtoMessage()).real(5, 0f);
        return event(time, 0, value(tag, "hparams", new ProtoMessage().integer(1, 0).message(field, body), zero));
    }

    private static ProtoMessage value(String tag, String plugin, ProtoMessage content, ProtoMessage tensor) {
        ProtoMessage data = new ProtoMessage().text(1, plugin);
        if (content != null) {
            data.message(2, content);
        }
        return new ProtoMessage().message(
                1, new ProtoMessage().text(TAG, tag).message(METADATA, new ProtoMessage().message(1, data)).message(TENSOR, tensor));
    }

    /** DataType of the plugin. */
    private static int type(Object value) {
        return value instanceof Boolean ? 2 : value instanceof Number ? 3 : 1;
    }

    /** As google.protobuf.Value. */
    private static ProtoMessage value(Object value) {
        if (value instanceof Boolean flag) {
            return new ProtoMessage().integer(4, flag ? 1 : 0);
        }
        return value instanceof Number number ? new ProtoMessage().real(2, number.doubleValue()) : new ProtoMessage().text(3, value.toString());
    }
}
