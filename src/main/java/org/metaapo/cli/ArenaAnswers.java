package org.metaapo.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.EvaluationResult;
import org.metaapo.evaluate.arena.ArenaAnswer;
import org.metaapo.evaluate.arena.ArenaQuestions;
import org.metaapo.evaluate.judge.JudgeRequest;
import org.metaapo.evaluate.style.AnswerStyle;
import org.metaapo.evaluate.style.StyleCounts;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Json;
import org.metaapo.text.Message;
import org.metaapo.text.Tokenizer;

/** Answers to Arena-Hard's questions: read, or made by a model. */
final class ArenaAnswers {
    private static final int MAX_NEW_TOKENS = 4096;

    private ArenaAnswers() {}

    /** Texts by model and question. */
    static Map<String, Map<String, String>> read(List<Path> files) {
        Map<String, Map<String, String>> answers = new LinkedHashMap<>();
        for (Path file : files) {
            for (ArenaAnswer answer : ArenaAnswer.read(file)) {
                if (answer.text() == null) {
                    throw new DataException(answer.row().where() + ": no answer; expected messages with the assistant's turn");
                }
                String before = answers.computeIfAbsent(answer.model(), model -> new LinkedHashMap<>()).put(answer.question(), answer.text());
                if (before != null) {
                    throw new DataException(answer.row().where() + ": an answer of " + answer.model() + " to question " + answer.question() + " is there before; expected each once");
                }
            }
        }
        return answers;
    }

    /** Lets the model answer, adds what it says, and gives the file of it; none in a dry run. */
    static Optional<Path> make(
            JudgedRun run, AnswerSourceOptions source, JudgeOptions judging, List<ArenaQuestions.Question> questions,
            Map<String, Map<String, String>> answers, Path out, Path tokenizer) {
        int most = source.maxNewTokens(MAX_NEW_TOKENS);
        double temperature = source.temperature(0);
        Map<String, String> own = new LinkedHashMap<>();
        if (answers.put(source.name(), own) != null) {
            throw new DataException("--answers has answers of " + source.name() + " already; expected another --name for the model");
        }
        if (judging.isDryRun()) {
            questions.forEach(question -> own.put(question.id(), run.placeholder(most)));
            return Optional.empty();
        }
        List<String> texts;
        try (JudgedRun.Answerer answerer = run.answerer(Map.of("temperature", temperature, "max_new_tokens", most))) {
            texts = answerer.answer(questions.stream().map(question ->
                    new JudgeRequest(List.of(new Message("user", question.prompt())), most, temperature, 0, List.of())).toList(), "answering");
        }
        StringBuilder lines = new StringBuilder();
        try (Tokenizer counter = tokenizer == null ? null : Tokenizer.load(tokenizer)) {
            for (int i = 0; i < texts.size(); i++) {
                String text = texts.get(i);
                if (text == null) {
                    continue;
                }
                own.put(questions.get(i).id(), text);
                int tokens = counter == null ? 0 : counter.encode(text).length;
                ObjectNode line = ArenaAnswer.line(questions.get(i).id(), UUID.randomUUID().toString(), source.name(), questions.get(i).prompt(), text,
                        System.currentTimeMillis() / 1000.0, new AnswerStyle(tokens, StyleCounts.of(text)));
                if (counter == null) {
                    // Of the benchmark's tokenizer, or none.
                    ((ObjectNode) line.path("metadata")).remove("token_len");
                }
                lines.append(Json.write(line)).append('\n');
            }
        }
        Path file = out.resolve("model_answer").resolve(EvaluationResult.fileName(source.name()) + ".jsonl");
        AtomicFiles.write(file, lines.toString());
        return Optional.of(file);
    }
}
