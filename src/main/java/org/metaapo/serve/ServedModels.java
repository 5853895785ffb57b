package org.metaapo.serve;

import java.util.List;
import java.util.stream.Collectors;
import org.metaapo.files.Json;

/** The models that are served, each under its name. */
record ServedModels(List<ServedModel> all) {
    /** The model that a request names. */
    ServedModel named(Fields fields) {
        String asked = fields.text("model", null);
        if (asked == null) {
            throw fields.wrong("model", names(" or "));
        }
        return named(asked);
    }

    /** The model of a name. */
    ServedModel named(String asked) {
        return all.stream().filter(model -> model.id().equals(asked)).findFirst().orElseThrow(() -> new ApiException(
                404, "invalid_request_error", "model", "model_not_found",
                "the model " + Json.write(asked) + " is not served here; there is " + names(" and ")));
    }

    /** The model that a request names, or the first where it names none. */
    ServedModel namedOrFirst(Fields fields) {
        return fields.has("model") ? named(fields) : all.get(0);
    }

    private String names(String between) {
        return all.stream().map(model -> Json.write(model.id())).collect(Collectors.joining(between));
    }
}
