package org.metaapo.reward;

import java.time.Duration;
import java.util.List;
import org.metaapo.error.DataException;
import org.metaapo.error.RunFailedException;
import org.metaapo.files.Json;

/** A user's command that reads a line of {@link ServiceJson} and writes one. */
final class CommandService implements QuestionSource {
    private final String name;
    private final LineProcess process;

    /**
     * A command.
     *
     * @param command program and arguments; no shell reads them
     * @param timeout of one reply
     */
    CommandService(List<String> command, Duration timeout) {
        this.name = "reward command " + command.get(0);
        this.process = new LineProcess(name, command, timeout, Settings.REWARD);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String identity() {
        return process.identity();
    }

    @Override
    public double[] answer(List<Question> questions, CallLog log) {
        List<ServiceJson.Item> items = ServiceJson.items(questions);
        String request = ServiceJson.request(items);
        log.sent();
        try {
            String line = process.exchange(request);
            return ServiceJson.scores(Json.parse(line, name), items, name, log);
        } catch (DataException | RunFailedException e) {
            log.failed();
            throw e;
        }
    }

    @Override
    public void abort() {
        process.abort();
    }

    @Override
    public void close() {
        process.close();
    }
}
