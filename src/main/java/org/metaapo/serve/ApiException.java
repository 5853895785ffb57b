package org.metaapo.serve;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.metaapo.files.Json;

/** A request that is not served: status and the error object of OpenAI's interface. */
final class ApiException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int status;
    private final String type;
    private final String param;
    private final String code;

    ApiException(int status, String type, String param, String code, String message) {
        super(message);
        this.status = status;
        this.type = type;
        this.param = param;
        this.code = code;
    }

    /** A field that is wrong; {@code param} null for none. */
    static ApiException invalid(String param, String message) {
        return new ApiException(400, "invalid_request_error", param, null, message);
    }

    /** A prompt that, with what is to be written, does not fit. */
    static ApiException tooLong(String param, String message) {
        return new ApiException(400, "invalid_request_error", param, "context_length_exceeded", message);
    }

    int status() {
        return status;
    }

    ObjectNode body() {
        ObjectNode root = Json.mapper().createObjectNode();
        root.putObject("error").put("message", getMessage()).put("type", type).put("param", param).put("code", code);
        return root;
    }
}
