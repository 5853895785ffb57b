package org.metaapo.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.text.Answer;
import org.metaapo.text.Message;

/** Which turns of a row are its prompt, and which its answers. Turns are written as role's first letter and content: {@code u:Hi}. */
class DialogueTest {
    private static final Map<String, String> ROLES = Map.of("s", "system", "u", "user", "a", "assistant", "t", "tool");

    @TempDir
    Path temp;

    private static String json(String turns) {
        if (!turns.contains(":")) {
            return "\"" + turns + "\"";
        }
        return List.of(turns.split(" ")).stream()
                .map(turn -> "{\"role\": \"" + ROLES.get(turn.substring(0, 1)) + "\", \"content\": \"" + turn.substring(2) + "\"}")
                .collect(Collectors.joining(", ", "[", "]"));
    }

    private static String shown(List<Message> turns) {
        return turns.stream().map(turn -> turn.role().substring(0, 1) + ":" + turn.content()).collect(Collectors.joining(" "));
    }

    private Row load(String row, Map<String, Object> variables) {
        try {
            Path file = Files.writeString(temp.resolve("rows.jsonl"), row + "\n");
            return DataFiles.load(List.of(file), DataFiles.Options.STRICT.with(variables)).rows().get(0);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private Row load(String row) {
        return load(row, Map.of());
    }

    private static String pair(String prompt, String chosen, String rejected) {
        return "{" + (prompt == null ? "" : "\"prompt\": " + json(prompt) + ", ") + "\"chosen\": " + json(chosen) + ", \"rejected\": "
                + json(rejected) + "}";
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        // An explicit prompt; all that follows it is the answer, as in TRL.
        "u:Hi | a:Yo | a:No | u:Hi | a:Yo | a:No",
        "u:Hi | a:Yo | a:No u:More a:Bad | u:Hi | a:Yo | a:No u:More a:Bad",
        "s:Be u:Hi | a:Call t:9 a:Nine | a:Nine | s:Be u:Hi | a:Call t:9 a:Nine | a:Nine",
        "u:Hi | Yo | a:No | u:Hi | a:Yo | a:No",
        "Hi | a:Yo | a:No | u:Hi | a:Yo | a:No",
        // Answers with their history: as TRL's extract_prompt, to the first turn that differs.
        " | u:Hi a:Yo | u:Hi a:No | u:Hi | a:Yo | a:No",
        " | s:Be u:Hi a:Yo u:And a:1 | s:Be u:Hi a:Yo u:And a:2 | s:Be u:Hi a:Yo u:And | a:1 | a:2",
        " | u:Hi a:Yo u:And a:1 | u:Hi a:No u:And a:1 | u:Hi | a:Yo u:And a:1 | a:No u:And a:1",
        " | u:Hi a:Yo | u:Hi a:Yo u:And a:1 | u:Hi | a:Yo | a:Yo u:And a:1",
        // Both: the prompt joins the history, and its system turn stays.
        "s:Be | u:Hi a:Yo | u:Hi a:No | s:Be u:Hi | a:Yo | a:No",
        "s:Be u:Hi | u:Hi a:Yo | u:Hi a:No | s:Be u:Hi | a:Yo | a:No",
        "u:Hi | s:Be u:Hi a:Yo | s:Be u:Hi a:No | s:Be u:Hi | a:Yo | a:No",
        "u:Hi | u:Hi a:Yo | u:Hi a:No | u:Hi | a:Yo | a:No",
        "u:Hi | a:Yo | u:Hi a:No | u:Hi | a:Yo | a:No",
        "s:Be u:A a:B | u:Hi a:Yo | u:Hi a:No | s:Be u:A a:B u:Hi | a:Yo | a:No",
        "u:A | u:A a:B u:Hi a:Yo | u:A a:B u:Hi a:No | u:A a:B u:Hi | a:Yo | a:No",
        // A text beside conversations with their history: these stand in its place, as in TRL's maybe_extract_prompt.
        "Else | u:Hi a:Yo | u:Hi a:No | u:Hi | a:Yo | a:No",
        "A | u:A a:B u:Hi a:Yo | u:A a:B u:Hi a:No | u:A a:B u:Hi | a:Yo | a:No",
        "Hi | u:A a:B u:Hi a:Yo | u:A a:B u:Hi a:No | u:A a:B u:Hi | a:Yo | a:No",
    })
    void promptAndAnswersOfAPair(String given, String chosen, String rejected, String prompt, String better, String worse) {
        Row row = load(pair(given, chosen, rejected));
        assertThat(shown(row.prompt().conversation().turns())).isEqualTo(prompt);
        assertThat(shown(row.chosen().turns())).isEqualTo(better);
        assertThat(shown(row.rejected().turns())).isEqualTo(worse);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "u:Else | u:Hi a:Yo | u:Hi a:No | chosen, turn 1 is the user's \"Hi\", and the prompt ends with the user's \"Else\"",
        "u:Hi | a:Yo | u:Else a:No | rejected, turn 1 is the user's \"Else\", and the prompt ends with the user's \"Hi\"",
        "s:One u:Hi | s:Two u:Hi a:Yo | s:Two u:Hi a:No | chosen, turn 1 is the system's \"Two\", and the prompt ends with the user's \"Hi\"",
        "u:Hi | a:Yo | u:Hi a:No u:Else | rejected: the last turn is of role user; expected assistant",
        " | u:Hi a:Yo | u:Ho a:No | different turns before the answer: chosen, turn 1 is the user's \"Hi\", and rejected, turn 1 is the user's \"Ho\"",
        " | u:Hi a:A u:B a:C | u:Hi a:A u:D a:C | chosen, turn 3 is the user's \"B\", and rejected, turn 3 is the user's \"D\"",
        " | s:Be u:Hi a:Yo | u:Hi a:No | chosen, turn 1 is the system's \"Be\", and rejected, turn 1 is the user's \"Hi\"",
        " | u:Hi a:Yo | a:No | prompt: expected a text or a list of messages, found nothing",
        " | a:Yo | a:No | prompt: expected a text or a list of messages, found nothing",
        "s:Be | a:Yo | a:No | the prompt must end with a user's turn",
        "u:Hi | a:Yo a:Yes | a:No | chosen, turn 2: role assistant; expected user",
        "u:Hi | a:Yo u:And u:And a:Yes | a:No | chosen, turn 3: role user; expected assistant",
        "u:Hi | a:Yo s:Be a:Yes | a:No | chosen, turn 2: role system; expected user",
        "u:Hi u:Ho | a:Yo | a:No | prompt, turn 2: role user; expected assistant",
        "s:Be u:Hi | u:Hi a:Yo u:And u:And a:Yes | u:Hi a:No | chosen, turn 4: role user; expected assistant",
        "u:Hi | a:Yo | a: | rejected is empty",
        "u:Hi | a: u:And a:Yes | a:No | chosen, turn 1 is empty",
    })
    void whatContradictsItselfIsAnErrorThatNamesTheTurn(String given, String chosen, String rejected, String words) {
        assertThatThrownBy(() -> load(pair(given, chosen, rejected))).isInstanceOf(DataException.class)
                .hasMessageContaining("rows.jsonl:1: ").hasMessageContaining(words);
    }

    @Test
    void completionsAndResponsesMayBeTurns() {
        Row completion = load("{\"prompt\": " + json("s:Be") + ", \"completion\": " + json("u:Hi a:Call t:9 a:Nine") + "}");
        assertThat(shown(completion.prompt().conversation().turns())).isEqualTo("s:Be u:Hi");
        assertThat(shown(completion.chosen().turns())).isEqualTo("a:Call t:9 a:Nine");
        Row responses = load("{\"prompt\": \"Hi\", \"responses\": [\"\", " + json("a:Call t:9 a:Nine") + "]}");
        assertThat(responses.prompt().isConversation()).isTrue();
        assertThat(responses.responses()).containsExactly(Answer.of(""), new Answer(List.of(
                new Message("assistant", "Call"), new Message("tool", "9"), new Message("assistant", "Nine"))));
        Row online = load(pair("u:Hi", "a:Yo", "a:No").replace("}]}", "}], \"online_chosen\": " + json("a:Call t:9 a:Nine")
                + ", \"online_rejected\": " + json("u:Hi a:Never") + "}"));
        assertThat(shown(online.onlineChosen().turns())).isEqualTo("a:Call t:9 a:Nine");
        assertThat(shown(online.onlineRejected().turns())).isEqualTo("a:Never");
    }

    @Test
    void turnsKeepAllTheirFields() {
        String call = "{\"role\": \"assistant\", \"tool_calls\": [{\"function\": {\"name\": \"now\", \"arguments\": {\"n\": 1, \"zone\": null}}}]}";
        String user = json("u:Time?");
        Row row = load("{\"prompt\": " + user + ", \"chosen\": [" + call + "], \"rejected\": ["
                + call.replace("\"tool_calls\"", "\"content\": null, \"name\": \"me\", \"tool_calls\"") + "]}");
        Map<String, Object> arguments = new java.util.HashMap<>(Map.of("n", 1));
        arguments.put("zone", null);
        Object calls = List.of(Map.of("function", Map.of("name", "now", "arguments", arguments)));
        assertThat(row.chosen().turns().get(0).fields()).isEqualTo(Map.of("role", "assistant", "tool_calls", calls));
        assertThat(row.rejected().turns().get(0).fields()).containsEntry("content", null).containsEntry("name", "me").containsEntry("tool_calls", calls);
        assertThat(row.chosen()).isNotEqualTo(row.rejected());
        assertThat(row.chosen().isText()).isFalse();
        assertThat(row.chosen().shown()).isEqualTo("tool_calls: [{\"function\":{\"name\":\"now\",\"arguments\":{\"n\":1,\"zone\":null}}}]");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{\"role\": \"assistant\"} | content: expected a text, found nothing",
        "{\"role\": \"assistant\", \"content\": null, \"tool_calls\": []} | content: expected a text, found null",
        "{\"role\": \"assistant\", \"content\": null, \"tool_calls\": \"[]\"} | tool_calls: expected a list of calls, found text",
        "{\"role\": \"user\", \"tool_calls\": [{}]} | content: expected a text, found nothing",
        "{\"role\": \"assistant\", \"content\": \"\", \"reasoning_content\": \"\"} | chosen is empty",
        "{\"role\": \"assistant\", \"content\": \"x\", \"reasoning_content\": \"a\\u0000\"} | reasoning_content: character 2 is NUL",
        "{\"from\": \"gpt\", \"value\": \"x\"} | has from and value; expected role and content: rename from to role (human is user, gpt is assistant)",
        "{\"role\": \"assistant\", \"content\": [{\"type\": \"image_url\", \"image_url\": \"u\"}]} | chosen, turn 1: content: a part of type image_url; the models here read text alone",
        "{\"role\": \"gpt\", \"content\": \"x\"} | role is text \"gpt\"; expected system, user or assistant (write assistant)",
    })
    void turnsThatSayNothingOrSomethingElse(String turn, String words) {
        assertThatThrownBy(() -> load("{\"prompt\": " + json("u:Hi") + ", \"chosen\": [" + turn + "], \"rejected\": \"No\"}"))
                .hasMessageContaining("chosen").hasMessageContaining(words);
    }

    @Test
    void toolsDocumentsAndVariablesAreValuesOrTheirJson() {
        String more = ", \"tools\": \"[{\\\"name\\\": \\\"now\\\"}]\", \"documents\": [{\"title\": \"t\"}], \"chat_template_kwargs\": {\"b\": true, \"a\": null}}";
        Row row = load(pair("u:Hi", "a:Yo", "a:No").replaceAll("}$", Matcher.quoteReplacement(more)), Map.of("b", false, "c", 2));
        assertThat(row.prompt().conversation().tools()).isEqualTo(List.of(Map.of("name", "now")));
        assertThat(row.prompt().conversation().documents()).isEqualTo(List.of(Map.of("title", "t")));
        assertThat(row.prompt().conversation().variables()).containsEntry("a", null).containsEntry("b", true).containsEntry("c", 2).hasSize(3);
        Row none = load(pair("u:Hi", "a:Yo", "a:No").replaceAll("}$", ", \"tools\": \"\", \"documents\": [], \"chat_template_kwargs\": null}"));
        assertThat(none.prompt().conversation().tools()).isNull();
        assertThat(none.prompt().conversation().documents()).isNull();
        assertThat(none.prompt().conversation().variables()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "u:Hi | \"tools\": \"now\" | tools: a text that is no JSON: text \"now\"",
        "u:Hi | \"tools\": {\"name\": \"now\"} | tools: expected a list, found an object",
        "u:Hi | \"documents\": 3 | documents: expected a list, found number 3",
        "u:Hi | \"chat_template_kwargs\": [1] | chat_template_kwargs: expected an object, found a list of 1",
        "u:Hi | \"chat_template_kwargs\": {\"tools\": []} | tools is no variable of a template; the row's own columns give it",
        "u:Hi | \"chat_template_kwargs\": {\"tokenize\": true} | tokenize is no variable of a template, but a parameter of apply_chat_template",
        "Hi | \"tools\": [{\"name\": \"now\"}] | tools: no template shows them, for the prompt is a plain text",
        "Hi | \"chat_template_kwargs\": {\"a\": 1} | chat_template_kwargs: no template shows them",
    })
    void whatNoTemplateCanTakeIsRefused(String prompt, String column, String words) {
        String row = "Hi".equals(prompt) ? pair("Hi", "Yo", "No") : pair(prompt, "a:Yo", "a:No");
        assertThatThrownBy(() -> load(row.replaceAll("}$", Matcher.quoteReplacement(", " + column + "}")))).hasMessageContaining(words);
    }

    /** Turns of a small world, so that rows agree often. */
    private static String randomTurns(Random random, boolean mayBeText) {
        if (mayBeText && random.nextInt(4) == 0) {
            return List.of("A", "B", "").get(random.nextInt(3));
        }
        List<String> turns = new ArrayList<>();
        String[] likely = {"u", "a", "u", "a", "t", "a"};
        int start = random.nextInt(2);
        if (random.nextInt(4) == 0) {
            turns.add("s:" + (random.nextInt(4) == 0 ? "B" : "A"));
        }
        for (int i = start; i < start + 1 + random.nextInt(5); i++) {
            String role = random.nextInt(12) == 0 ? List.of("s", "u", "a", "t").get(random.nextInt(4)) : likely[i % 6];
            turns.add(role + ":" + (random.nextInt(3) == 0 ? "B" : "A"));
        }
        return String.join(" ", turns);
    }

    @Test
    void anyRowIsPromptAndAnswersOrAnErrorOfItsOwn() {
        Random random = new Random(5);
        int good = 0;
        for (int i = 0; i < 20_000; i++) {
            String prompt = random.nextInt(3) == 0 ? null : randomTurns(random, true);
            String[] sides = {randomTurns(random, true), randomTurns(random, true)};
            JsonNode json = Json.parse(pair(prompt, sides[0], sides[1]), "row");
            Row row;
            try {
                row = RowParser.parse(json, Schema.PAIR, 0, DataFiles.Options.STRICT, "row");
            } catch (DataException e) {
                assertThat(e.getMessage()).startsWith("row: ");
                continue;
            }
            good++;
            if (row.prompt().isPlain()) {
                continue;
            }
            List<Message> before = row.prompt().conversation().turns();
            assertThat(before.get(before.size() - 1).role()).isIn("user", "tool");
            int side = 0;
            for (Answer answer : List.of(row.chosen(), row.rejected())) {
                String all = shown(before) + " " + shown(answer.turns());
                assertThat(answer.turns().get(0).role()).isEqualTo("assistant");
                assertThat(answer.turns().get(answer.turns().size() - 1).role()).isEqualTo("assistant");
                // Nothing that a side or the prompt says is lost.
                String said = sides[side++];
                assertThat(all).endsWith(said.contains(":") ? said : "a:" + said);
                if (prompt != null && prompt.contains(":")) {
                    assertThat(all).contains(prompt);
                }
            }
        }
        assertThat(good).isGreaterThan(500);
    }

    @Test
    void nullsOfParquetsStructsAreAbsent() throws Exception {
        Path file = Path.of(DialogueTest.class.getResource("/conversations/sparse.parquet").toURI());
        List<Row> rows = DataFiles.load(List.of(file), DataFiles.Options.STRICT).rows();
        Map<String, Object> turn = rows.get(0).chosen().turns().get(0).fields();
        assertThat(turn).containsEntry("content", null).containsEntry(
                "tool_calls", List.of(Map.of("type", "function", "function", Map.of("name", "weather", "arguments", Map.of("city", "Rome")))));
        assertThat(rows.get(1).chosen().turns().get(0).fields()).containsEntry(
                "tool_calls", List.of(Map.of("type", "function", "function", Map.of("name", "now", "arguments", Map.of("zone", "CET")))));
        assertThat(rows.get(0).prompt().conversation().tools()).isEqualTo(List.of(Map.of("type", "function", "function", Map.of("name", "weather"))));
        assertThat(rows.get(0).prompt().conversation().variables()).isEqualTo(Map.of("enable_thinking", false));
        assertThat(rows.get(1).prompt().conversation().variables()).isEqualTo(Map.of("mode", "brief"));
        assertThat(rows.get(0).rejected().isText()).isTrue();
    }

    @Test
    void furtherColumnsAreNamed() {
        Row row = load("{\"id\": 7, \"prompt\": \"Hi\", \"chosen\": \"a\", \"rejected\": \"b\", \"score_chosen\": 1, \"topic\": \"Be\", \"none\": null}");
        assertThat(row.unread()).containsExactly("id", "topic");
        assertThat(row.hint()).isEmpty();
        assertThat(load("{\"prompt\": \"Hi\", \"id\": 3}").hint()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "\"system\": \"Be brief.\" | system: is not read, and has a text that the prompt lacks; make it a turn with role system",
        "\"system_prompt\": \"Be brief.\" | system_prompt: is not read",
        "\"history\": [[\"Hi\", \"Yo\"], [\"How so?\", \"So\"]] | history: is not read, and has a text that the prompt lacks; make it turns",
        "\"input\": \"7 + 2\" | input: is not read, and has a text that the prompt lacks; make it the prompt, after the instruction",
        "\"system\": \" \" | fine",
        "\"system\": null, \"history\": [], \"input\": \"\" | fine",
        "\"input\": \"Hi\" | fine",
    })
    void partsOfAPromptInOtherColumnsAreNotLost(String columns, String words) {
        String row = "{\"prompt\": \"Hi there\", \"chosen\": \"a\", \"rejected\": \"b\", " + columns + "}";
        if (words.equals("fine")) {
            assertThat(load(row).prompt().shown()).isEqualTo("Hi there");
        } else {
            assertThatThrownBy(() -> load(row)).isInstanceOf(DataException.class).hasMessageContaining(words);
        }
    }
}
