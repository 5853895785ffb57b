package org.metaapo.files;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.error.DataException;

/** What is wrong with a JSON text is told in one line, without a word of the parser's classes and settings. */
class JsonFaultsTest {
    private static void assertFault(String json, String words) {
        assertThatThrownBy(() -> Json.parse(json, "f.json")).isInstanceOf(DataException.class).hasMessageContaining("not valid JSON: " + words)
                .hasMessageStartingWith("f.json, line ").hasMessageNotContainingAny("\n", "Feature", "Json", "jackson", "token", "StreamRead");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{\"a\":NaN} | found NaN; JSON has no such number", "{\"a\":-Infinity} | found -Inf", "{\"a\":Infinity} | found Infinity; JSON has no such number",
        "{'a':1} | found '; texts and keys stand in double quotes", "{\"a\":None} | found None; expected a value", "{\"a\":\"b | it ends within a value",
        "{\"a\":1} {\"b\":2} | more follows after the value", "{\"a\":1,\"a\":2} | key a is given twice", "{\"a\":\"\\x\"} | a backslash before",
        "{\"a\":1,} | found }; expected a key in double quotes", "{\"a\":01} | a number that is none", "{\"a\":1.} | found } within a number",
        "{\"a\" 1} | found 1; expected a colon", "{\"a\":1 \"b\":2} | found \"; expected a comma", "{a:1} | found a; expected a key in double quotes",
        "{\"a\":-} | found } within a number", "{\"a\":\"\\u12\"} | a backslash before", "hello | found hello; expected a value",
        "{\"a\":+1} | found + within a number",
    })
    void isToldInWordsOfItsOwn(String json, String words) {
        assertFault(json, words);
    }

    @Test
    void limitsAreToldToo() {
        assertFault("{\"a\":" + "[".repeat(2000), "lists and objects lie more than 1,000 deep");
        assertFault("{\"a\":" + "1".repeat(2000) + "}", "a number of more than 1,000 digits");
        assertFault("{\"a\":\"\tb\"}", "a control character (code 9)");
    }
}
