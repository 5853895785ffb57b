package org.metaapo.reward;

import java.net.URI;
import java.time.Duration;
import java.util.List;

/** A reward service: one POST for some answers, {@link ServiceJson} in and out. */
final class HttpService implements QuestionSource {
    private final URI uri;
    private final HttpCaller caller;

    HttpService(String address, BearerToken token, Duration timeout, int retries) {
        this.uri = ServiceAddress.parse(Settings.REWARD, address);
        this.caller = new HttpCaller(name(), uri, token, timeout, retries, Settings.REWARD);
    }

    @Override
    public String name() {
        return "reward service " + uri;
    }

    @Override
    public String identity() {
        return "url " + uri;
    }

    @Override
    public double[] answer(List<Question> questions, CallLog log) throws InterruptedException {
        List<ServiceJson.Item> items = ServiceJson.items(questions);
        return caller.post(ServiceJson.request(items), log, reply -> ServiceJson.scores(reply, items, name(), log));
    }
}
