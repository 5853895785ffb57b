package org.metaapo.tracking;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.metaapo.config.RunConfig;
import org.metaapo.config.TrackerKeys;
import org.metaapo.config.UserClass;

/** The trackers that a configuration names, ready to start. Whoever opens them closes them. */
public final class Trackers implements AutoCloseable {
    private final List<Opened> all = new ArrayList<>();

    private Trackers() {}

    /** No tracker. */
    public static Trackers none() {
        return new Trackers();
    }

    /**
     * A tracker that has not started.
     *
     * @param name as the command line takes it
     * @param maker makes it, which may run code of the user's
     * @param type the user's class; null of a tracker that is built in
     */
    record Opened(String name, Supplier<Tracker> maker, UserClass<Tracker> type) {
        ClassLoader loader() {
            return type == null ? null : type.loader();
        }
    }

    /**
     * Where trackers keep what is theirs in a run's folder.
     *
     * @param tensorboard folder of the event files
     * @param names folder of the names by which servers know the run
     */
    public record Places(Path tensorboard, Path names) {}

    /**
     * Opens trackers, which writes and sends nothing.
     *
     * @param isExport whether the run is not to be tracked while it runs, but shown from its folder: what servers lack of it is filled in
     * @throws org.metaapo.error.UsageException if a class is missing or wrong, or a variable of the environment
     */
    public static Trackers open(RunConfig config, Places places, Map<String, String> environment, boolean isExport) {
        Trackers trackers = new Trackers();
        try {
            for (TrackerKeys.Item item : TrackerKeys.items(config)) {
                trackers.all.add(open(item, places, environment, isExport));
            }
            return trackers;
        } catch (RuntimeException e) {
            trackers.close();
            throw e;
        }
    }

    private static Opened open(TrackerKeys.Item item, Places places, Map<String, String> environment, boolean isExport) {
        if (item.isClass()) {
            UserClass<Tracker> type = UserClass.load(
                    TrackerKeys.KEY, item.name(), "class_path of " + TrackerKeys.KEY, item.classPath(), Tracker.class);
            return new Opened(item.shown(), type::instantiate, type);
        }
        Tracker tracker = switch (item.name()) {
            case TrackerKeys.TENSORBOARD -> new TensorBoardTracker(places.tensorboard());
            case TrackerKeys.MLFLOW -> MlflowTracker.of(environment, places.names(), isExport);
            default -> TrackioTracker.of(environment, places.names(), isExport);
        };
        return new Opened(item.name(), () -> tracker, null);
    }

    List<Opened> all() {
        return all;
    }

    /** Gives the users' classes back. */
    @Override
    public void close() {
        all.stream().filter(one -> one.type() != null).forEach(one -> one.type().close());
    }
}
