package org.metaapo.reward;

/**
 * How a user names the settings of a service: what messages point to.
 *
 * @param address of the service
 * @param token environment variable with its secret
 * @param timeout of one call
 * @param command program and arguments
 * @param shorter what to do where a request is too large
 */
public record Settings(String address, String token, String timeout, String command, String shorter) {
    /** The keys {@code reward.*} of the configuration. */
    static final Settings REWARD = of("reward.url");

    /** The same, with another key for the address. */
    static Settings of(String address) {
        return new Settings(address, "reward.token_env", "reward.timeout", "reward.command", "lower reward.answers_per_request");
    }
}
