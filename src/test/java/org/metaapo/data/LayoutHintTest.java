package org.metaapo.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Layouts of other data sets: what columns are found, which layout is nearest in meaning, and how to rename. */
class LayoutHintTest {
    @TempDir
    Path temp;

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "instruction,output | the nearest in meaning is prompt, completion: rename instruction to prompt, output to completion",
        "instruction,input,output | prompt, completion: rename instruction, with input after it to prompt, output to completion",
        "question,answer | prompt, completion: rename question to prompt, answer to completion",
        "prompt,response | prompt, completion: rename response to completion",
        "problem,solution,level | prompt, completion: rename problem to prompt, solution to completion",
        "conversations | messages: rename conversations to messages; where its turns have from and value, rename from to role (human is user",
        "dialog | messages: rename dialog to messages",
        "system,question,chosen,rejected | prompt, chosen, rejected: rename question, with system as a turn before it, to prompt",
        "instruction,input,chosen,rejected | prompt, chosen, rejected: rename instruction, with input after it to prompt",
        "messages,chosen,rejected | prompt, chosen, rejected: rename messages to prompt; where turns have from and value, rename from",
        "conversations,chosen,rejected | prompt, chosen, rejected: rename conversations to prompt",
        "input,preferred_output,non_preferred_output | rename input to prompt, preferred_output to chosen, non_preferred_output to rejected",
        "question,chosen_response,rejected_response | prompt, chosen, rejected: rename question to prompt, chosen_response to chosen, rejected_response to rejected",
        "question,response_j,response_k | rename question to prompt, response_j to chosen, response_k to rejected",
        "prompt,response_0,response_1,better_response_id | make response_0 chosen and response_1 rejected where better_response_id says so",
        "instruction,response_a,response_b,winner | rename instruction to prompt; make response_a chosen and response_b rejected where winner says so",
        "question,answer1,answer2 | make answer1 chosen and answer2 rejected where the first is better",
        "prompt,response_1,response_2,response_3 | make the better one chosen and a worse one rejected of response_1, response_2, response_3",
        "response_0,response_1 | add prompt; make response_0 chosen",
        "query,answers,ratings | prompt, responses, scores: rename query to prompt, answers to responses, ratings to scores",
        "query,candidates | prompt, responses: rename query to prompt, candidates to responses",
        "Question,Answer | rename Question to prompt, Answer to completion",
        "text | part text into prompt and completion, or into messages",
        "question | the nearest in meaning is prompt: rename question to prompt",
    })
    void columnsMeanWhatTheirNamesSay(String columns, String words) {
        assertThat(LayoutHint.of(List.of(columns.split(","))).shown()).contains(words);
    }

    @Test
    void columnsThatMeanNothingHaveNoHint() {
        assertThat(LayoutHint.of(List.of("a", "b"))).isNull();
        assertThat(LayoutHint.of(List.of())).isNull();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{\"instruction\": \"a\", \"output\": \"b\"} | rows.jsonl:1: no known layout (columns found: instruction, output); the nearest in meaning is prompt, completion",
        "{\"a\": 1} | no known layout (columns found: a); expected one of prompt, chosen, rejected; messages; ",
        "{\"chosen\": \"\\n\\nHuman: Hi\\n\\nAssistant: Yo\", \"rejected\": \"\\n\\nHuman: Hi\\n\\nAssistant: No\"} | no prompt, and chosen is a text (columns found: chosen, rejected); write the text's \"\\n\\nHuman:\" and \"\\n\\nAssistant:\" as turns",
        "{\"question\": \"Hi\", \"chosen\": \"Yo\", \"rejected\": \"No\"} | no prompt, and chosen is a text (columns found: question, chosen, rejected); the nearest in meaning is prompt, chosen, rejected: rename question to prompt",
        "{\"conversations\": [{\"from\": \"human\", \"value\": \"Hi\"}]} | rename conversations to messages",
        "{\"conversations\": [{\"from\": \"human\", \"value\": \"Hi\"}], \"chosen\": {\"from\": \"gpt\", \"value\": \"a\"}, \"rejected\": {\"from\": \"gpt\", \"value\": \"b\"}} | (columns found: conversations, chosen, rejected); the nearest in meaning is prompt, chosen, rejected: rename conversations to prompt; make an answer that is one turn a list of this turn; where turns have from and value, rename from to role",
        "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"chosen\": {\"role\": \"assistant\", \"content\": \"a\"}, \"rejected\": {\"role\": \"assistant\", \"content\": \"b\"}} | rename messages to prompt; make an answer that is one turn a list of this turn",
        "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"chosen\": [{\"role\": \"assistant\", \"content\": \"a\"}], \"rejected\": [{\"role\": \"assistant\", \"content\": \"b\"}]} | rename messages to prompt",
        "{\"conversation\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"chosen\": \"a\", \"rejected\": \"b\"} | (columns found: conversation, chosen, rejected); the nearest in meaning is prompt, chosen, rejected: rename conversation to prompt",
        "{\"instruction\": \"i\", \"input\": \"\", \"output\": [\"a\", \"b\"]} | the nearest in meaning is prompt, chosen, rejected: rename instruction, with input after it to prompt; make the better text of output chosen and the worse one rejected",
        "{\"input\": {\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}, \"preferred_output\": [], \"non_preferred_output\": []} | rename the messages of input to prompt, preferred_output to chosen, non_preferred_output to rejected",
    })
    void theErrorShowsColumnsAndTheNearestLayout(String row, String words) throws IOException {
        Path file = Files.writeString(temp.resolve("rows.jsonl"), row + "\n");
        assertThatThrownBy(() -> DataFiles.load(List.of(file), DataFiles.Options.STRICT)).hasMessageContaining(words);
    }

    @Test
    void aPromptWithOtherColumnsIsReadAloneAndSaysSo() throws IOException {
        Path file = Files.writeString(temp.resolve("rows.jsonl"),
                "{\"prompt\": \"Hi\", \"response_0\": \"Yo\", \"response_1\": \"No\", \"better_response_id\": 0}\n");
        Row row = DataFiles.load(List.of(file), DataFiles.Options.STRICT).rows().get(0);
        assertThat(row.chosen()).isNull();
        assertThat(row.hint()).isEqualTo(" (further columns found: response_0, response_1, better_response_id); the nearest in meaning is "
                + "prompt, chosen, rejected: make response_0 chosen and response_1 rejected where better_response_id says so, and the other way round where not");
    }
}
