package org.metaapo.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.metaapo.engine.GenerationLoop;
import org.metaapo.engine.GenerationRequest;
import org.metaapo.error.DataException;
import org.metaapo.error.RunFailedException;
import org.metaapo.files.Json;

/** {@code /v1/chat/completions} and {@code /v1/completions} of one model. */
final class AnswerEndpoint {
    private static final long SIGN_OF_LIFE_NANOS = 1_000_000_000L;
    private static final int MOST_PROMPTS = 2048;

    private final ServedModel model;
    private final Metrics metrics;

    AnswerEndpoint(ServedModel model, Metrics metrics) {
        this.model = model;
        this.metrics = metrics;
    }

    void chat(Call call, Fields fields) throws IOException, InterruptedException {
        SamplingFields sampling = new SamplingFields(model, fields);
        sampling.refuseOthers();
        if (fields.flag("echo", false)) {
            throw ApiException.invalid("echo", "echo is for /v1/completions");
        }
        boolean logprobs = fields.flag("logprobs", false);
        int tops = (int) fields.integer("top_logprobs", 0, GenerationRequest.MOST_TOP, 0);
        if (tops > 0 && !logprobs) {
            throw ApiException.invalid("top_logprobs", "top_logprobs needs logprobs: true");
        }
        Ask.Prompt prompt = new Ask.Prompt(null, ChatFields.prompt(model, fields));
        String field = fields.has("max_completion_tokens") ? "max_completion_tokens" : "max_tokens";
        Integer most = fields.has(field) ? (int) fields.integer(field, 1, Integer.MAX_VALUE, 0) : null;
        Ask ask = sampling.ask(List.of(prompt), "messages", false, logprobs ? tops : -1, most, field);
        answer(call, ask, AnswerFormat.chat(model.id()));
    }

    void complete(Call call, Fields fields) throws IOException, InterruptedException {
        SamplingFields sampling = new SamplingFields(model, fields);
        sampling.refuseOthers();
        if (!fields.text("suffix", "").isEmpty()) {
            throw ApiException.invalid("suffix", "suffix is not served");
        }
        JsonNode logprobs = fields.get("logprobs");
        int tops = logprobs == null || logprobs.isBoolean() ? (logprobs != null && logprobs.booleanValue() ? 1 : -1)
                : (int) fields.integer("logprobs", 0, GenerationRequest.MOST_TOP, 0);
        List<Ask.Prompt> prompts = prompts(fields);
        boolean echo = fields.flag("echo", false);
        Integer most = fields.has("max_tokens") ? (int) fields.integer("max_tokens", echo ? 0 : 1, Integer.MAX_VALUE, 0) : null;
        answer(call, sampling.ask(prompts, "prompt", echo, tops, most, "max_tokens"), AnswerFormat.completion(model.id()));
    }

    private List<Ask.Prompt> prompts(Fields fields) {
        JsonNode prompt = fields.get("prompt");
        String expected = "a text, a list of texts, a list of token ids, or a list of such lists";
        if (prompt == null || !prompt.isTextual() && (!prompt.isArray() || prompt.isEmpty())) {
            throw fields.wrong("prompt", expected);
        }
        List<Ask.Prompt> prompts = new ArrayList<>();
        if (prompt.isTextual()) {
            prompts.add(encoded(prompt.textValue()));
        } else if (prompt.get(0).isNumber()) {
            prompts.add(ids(prompt));
        } else if (prompt.size() > MOST_PROMPTS) {
            throw fields.wrong("prompt", "at most " + MOST_PROMPTS + " prompts");
        } else {
            for (JsonNode one : prompt) {
                if (!one.isTextual() && !one.isArray()) {
                    throw fields.wrong("prompt", expected);
                }
                prompts.add(one.isTextual() ? encoded(one.textValue()) : ids(one));
            }
        }
        for (Ask.Prompt one : prompts) {
            if (one.ids().length == 0) {
                throw ApiException.invalid("prompt", "a prompt has no token");
            }
        }
        return prompts;
    }

    private Ask.Prompt ids(JsonNode list) {
        return new Ask.Prompt(null, model.ids("prompt", list));
    }

    private Ask.Prompt encoded(String text) {
        try {
            return new Ask.Prompt(text, model.format().encodePlainPrompt(text));
        } catch (DataException e) {
            throw ServedModel.refused("prompt", e);
        }
    }

    private void answer(Call call, Ask ask, AnswerFormat format) throws IOException, InterruptedException {
        try (AnswerRun run = new AnswerRun(model, ask, metrics)) {
            if (ask.stream()) {
                stream(call, run, format);
            } else {
                whole(call, run, format);
            }
        } catch (GenerationLoop.FullException e) {
            call.set("Retry-After", "1");
            throw new ApiException(429, "rate_limit_error", null, "queue_full", e.getMessage() + "; come again");
        } catch (RunFailedException e) {
            call.fail(new ApiException(500, "server_error", null, null, e.getMessage()), ask.stream());
        }
    }

    /** After a while the answer begins with blanks, which JSON allows, so that a client that has gone is noticed. */
    private static void whole(Call call, AnswerRun run, AnswerFormat format) throws IOException, InterruptedException {
        long next = System.nanoTime() + SIGN_OF_LIFE_NANOS;
        while (!run.isOver()) {
            run.await(next);
            if (!run.isOver() && System.nanoTime() - next >= 0) {
                if (!call.hasBegun()) {
                    call.begin("application/json");
                }
                call.write(" ");
                next = System.nanoTime() + SIGN_OF_LIFE_NANOS;
            }
        }
        ObjectNode answer = format.answer(run);
        if (!call.hasBegun()) {
            call.send(200, answer);
            return;
        }
        call.write(Json.write(answer));
        call.end();
    }

    /** A comment a second tells, while nothing comes, whether the client is there. */
    private static void stream(Call call, AnswerRun run, AnswerFormat format) throws IOException, InterruptedException {
        call.set("Cache-Control", "no-cache");
        call.set("X-Accel-Buffering", "no");
        call.begin("text/event-stream; charset=utf-8");
        for (ObjectNode chunk : format.opening(run)) {
            call.event(chunk);
        }
        Set<Choice> ended = new HashSet<>();
        while (!run.isOver()) {
            if (!run.await(System.nanoTime() + SIGN_OF_LIFE_NANOS)) {
                call.write(": waiting\n\n");
            }
            StringBuilder events = new StringBuilder();
            for (Choice choice : run.choices()) {
                if (choice.hasNews() && !ended.contains(choice)) {
                    events.append("data: ").append(Json.write(format.chunk(format.part(choice, run.ask())))).append("\n\n");
                    if (choice.isOver()) {
                        ended.add(choice);
                    }
                }
            }
            if (events.length() > 0) {
                call.write(events.toString());
            }
        }
        if (run.ask().streamUsage()) {
            call.event(format.usageChunk(run));
        }
        call.write("data: [DONE]\n\n");
        call.end();
    }
}
