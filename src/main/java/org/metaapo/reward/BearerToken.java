package org.metaapo.reward;

import java.util.Map;
import java.util.regex.Pattern;
import org.metaapo.error.UsageException;

/** A secret that authorises requests. It comes from the environment, and appears in no message. */
public final class BearerToken {
    /** No secret. */
    public static final BearerToken NONE = new BearerToken(null, null);

    /** Capital letters only, so that a secret that stands where a name is due is not taken for one, and shown. */
    private static final Pattern NAME = Pattern.compile("[A-Z][A-Z0-9_]{0,63}");

    private final String variable;
    private final String value;

    private BearerToken(String variable, String value) {
        this.variable = variable;
        this.value = value;
    }

    /**
     * Reads the secret.
     *
     * @param variable name of the environment variable; null for no secret
     * @param names for messages
     * @throws UsageException if it is not set, or cannot be sent
     */
    public static BearerToken of(String variable, Settings names, Map<String, String> environment) {
        if (variable == null) {
            return NONE;
        }
        if (!NAME.matcher(variable).matches()) {
            throw new UsageException(names.token() + " is not the name of an environment variable; expected capital letters, digits "
                    + "and _, such as REWARD_TOKEN, and the secret in the variable of that name");
        }
        String value = environment.get(variable);
        if (value == null || value.isBlank()) {
            throw new UsageException("the environment variable " + variable + ", named by " + names.token() + ", is not set; expected the secret in it");
        }
        String token = value.strip();
        if (!token.chars().allMatch(c -> c > ' ' && c < 127)) {
            throw new UsageException("the environment variable " + variable + " holds a blank or a character beyond ASCII; a bearer token has none");
        }
        return new BearerToken(variable, token);
    }

    /** The environment variable, or null. */
    String variable() {
        return variable;
    }

    /** Value of the Authorization header, or null. */
    String header() {
        return value == null ? null : "Bearer " + value;
    }

    /** A text with the secret made unreadable. */
    String redact(String text) {
        return value == null ? text : text.replace(value, "***");
    }

    @Override
    public String toString() {
        return variable == null ? "no token" : "token of " + variable;
    }
}
