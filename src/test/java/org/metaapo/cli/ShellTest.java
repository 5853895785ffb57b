package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Commands by the launcher, in a shell: streams that fail or are closed, pipes, links, locales. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ShellTest {
    private static final String SCORE = "metaapo score --model $F/tiny-llama --dtype f32 --threads 1 --quiet --data ";
    private static final String RUN = "sed \"s#DIR#$F#\" > run.yaml <<< 'recipe: dpo\n"
            + "out: run\ndtype: f32\nthreads: 1\nmodel: {path: DIR/tiny-llama}\ndata: {train: [DIR/pairs.jsonl], max_length: 256, max_prompt_length: 128}\n"
            + "train: {batch: 4}'\n";

    private Shell shell;

    @BeforeAll
    void build(@TempDir Path folder) throws Exception {
        shell = Shell.in(folder);
        Shell.Result result = shell.run(RUN + "cp $F/pairs.jsonl . && " + SCORE + "pairs.jsonl > scores && metaapo train run.yaml --quiet");
        assertThat(result.status()).as(result.err()).isZero();
        assertThat(result.err()).isEmpty();
    }

    private Shell.Result run(String script) throws IOException, InterruptedException {
        return shell.run(script);
    }

    private void assertOneLine(Shell.Result result, int status, String words) {
        assertThat(result.status()).as(result.err()).isEqualTo(status);
        assertThat(result.err()).startsWith("metaapo: ").contains(words);
        assertThat(result.err().lines()).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "--help", "help score", "version", "keys", "info", "report run", "plan run.yaml --quiet",
        "inspect --model $F/tiny-llama --data pairs.jsonl --quiet", "score --model $F/tiny-llama --data pairs.jsonl --quiet",
        "generate --model $F/tiny-llama --data pairs.jsonl --k 1 --max-new-tokens 2 --quiet", "reward --model $F/tiny-rm --data pairs.jsonl --quiet",
    })
    void aFullStandardOutputEndsWithStatusOne(String command) throws Exception {
        assertOneLine(run("metaapo " + command + " > /dev/full"), 1, "standard output: cannot be written: No space left");
    }

    @Test
    void aClosedStandardOutputEndsWithStatusOne() throws Exception {
        assertOneLine(run(SCORE + "pairs.jsonl --out /dev/full"), 1, "/dev/full: disk full");
        assertOneLine(run(SCORE + "pairs.jsonl >&-"), 1, "standard output: cannot be written: Bad file descriptor");
        assertOneLine(run("metaapo keys >&-"), 1, "standard output: cannot be written: Bad file descriptor");
    }

    @Test
    void helpIsAsWideAsColumnsSays() throws Exception {
        for (int columns : new int[] {60, 120}) {
            int longest = run("COLUMNS=" + columns + " metaapo help inspect").out().lines().mapToInt(String::length).max().orElseThrow();
            assertThat(longest).isBetween(columns - 15, columns);
        }
    }

    @Test
    void aReaderThatIsGoneIsNoNews() throws Exception {
        Shell.Result result = run("set -o pipefail; " + SCORE + "pairs.jsonl | true");
        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).isEmpty();
        assertThat(run("metaapo keys | head -n 1").out()).isEqualTo("recipe\n");
    }

    @Test
    void streamsThatAreClosed() throws Exception {
        assertOneLine(run(SCORE + "- <&-"), 3, "-: cannot be read: Bad file descriptor");
        Shell.Result quiet = run("metaapo score --model none --data none 2>&-");
        assertThat(quiet.status()).isEqualTo(3);
        assertThat(quiet.out()).isEmpty();
    }

    @Test
    void standardInputAndOutputByEachName() throws Exception {
        String script = "set -e\n"
                + "cat pairs.jsonl | " + SCORE + "- | cmp - scores\n"
                + "gzip -c pairs.jsonl | " + SCORE + "/dev/stdin --out - | cmp - scores\n"
                + SCORE + "- --out /dev/stdout < pairs.jsonl | cmp - scores\n"
                + "echo before > both; " + SCORE + "pairs.jsonl --out /dev/stdout >> both; (echo before; cat scores) | cmp - both\n"
                + SCORE + "pairs.jsonl --out /dev/fd/3 3> third; cmp third scores\n"
                + "metaapo inspect --config <(cat run.yaml) --rows 0 --quiet | grep -q 'kept  .* 8'\n"
                + "metaapo train - out=piped data.train=- --quiet < run.yaml 2> both.err && exit 9; grep -q 'given 2 times' both.err\n"
                + "metaapo train run.yaml out=piped data.train=- --quiet < pairs.jsonl; cmp piped/model/model.safetensors run/model/model.safetensors\n"
                + "metaapo inspect --model $F/tiny-llama --data - --rows 0 --quiet --html - < pairs.jsonl 2> /dev/null | grep -q '<!doctype html>'\n"
                + "metaapo reward --model $F/tiny-rm --data - --quiet < pairs.jsonl | grep -c score_chosen\n";
        Shell.Result result = run(script);
        assertThat(result.status()).as(result.err()).isZero();
        assertThat(result.out()).isEqualTo("8\n");
        assertNothingIsLeft();
    }

    @Test
    void theInputIsNotWrittenOver() throws Exception {
        assertOneLine(run("ln -sf pairs.jsonl link; " + SCORE + "pairs.jsonl --out link"), 2, "is read too, as pairs.jsonl");
        assertOneLine(run("cp pairs.jsonl own; " + SCORE + "own >> own"), 2, "standard output: is read too, as own");
        assertOneLine(run(SCORE + "- --out pairs.jsonl < link"), 2, "pairs.jsonl: is read too, as -");
        assertThat(run("cmp own $F/pairs.jsonl && cmp pairs.jsonl $F/pairs.jsonl").status()).isZero();
    }

    /** Files and folders with other letters, named by arguments, in the configuration and by the home folder. */
    @Test
    void textAndNamesAreUtf8WhateverTheLocale() throws Exception {
        String script = "export LC_ALL=C HOME=$PWD/hüm\n"
                + "mkdir -p hüm; cp -r $F/tiny-llama hüm/mödel; cp pairs.jsonl hüm/dätä.jsonl\n"
                + "metaapo score --model=~/mödel --data '~/dätä.jsonl' --out=~/ö/öut.jsonl --dtype f32 --threads 1 --quiet && cmp hüm/ö/öut.jsonl scores && "
                + "metaapo inspect --model hüm/mödel --data hüm/dätä.jsonl --rows 0 --quiet --out - 2>/dev/null | head -n 1 | cut -c 1-80 && "
                + "metaapo train run.yaml out=hüm/läuf model.path=~/mödel 'data.train=~/dätä.jsonl' --quiet && ls -d hüm/läuf/model";
        Shell.Result result = run(script);
        assertThat(result.out()).as(result.err()).startsWith("{\"row\":0,\"source\":\"hüm/dätä.jsonl:1\"").endsWith("hüm/läuf/model\n");
        assertThat(result.status()).as(result.err()).isZero();
        assertThat(result.err()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"LC_ALL=POSIX", "LANG=C", "LC_ALL=xx_XX.UTF-8"})
    void argumentsAndMessagesAreUtf8WhateverTheLocale(String locale) throws Exception {
        Shell.Result result = run("export " + locale + "; metaapo keys ünd");
        assertThat(result.status()).isEqualTo(2);
        // Bash itself complains of a locale that is not installed.
        assertThat(result.err().lines().filter(line -> !line.contains("setlocale"))).singleElement().asString()
                .startsWith("metaapo: no key or group ünd");
    }

    private void assertNothingIsLeft() throws IOException {
        try (Stream<Path> files = Files.list(shell.work())) {
            assertThat(files.map(file -> file.getFileName().toString()).filter(name -> name.contains("partial") || name.startsWith("metaapo-")))
                    .isEmpty();
        }
    }
}
