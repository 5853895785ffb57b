package org.metaapo.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.files.Digests;
import org.metaapo.files.RunLock;
import org.metaapo.train.RunFolder;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

class DemoWorldTest {
    @TempDir
    Path temp;

    @Test
    void validationPromptsAreNeitherTestNorTrainingPromptsButForTheFewFacts() {
        DemoWorld world = new DemoWorld(Path.of("unused"), WorldTerms.DEMO, 3, "cpu", 1);
        Set<String> all = new World(WorldTerms.DEMO, 3).requests(8000 + 4000 + 2048 + 400).stream().map(Request::text).collect(Collectors.toSet());
        assertThat(all).containsAll(world.test().stream().map(Request::text).toList());
        assertThat(world.validation()).hasSize(400);
        List<String> seen = new ArrayList<>();
        world.validation().stream().filter(request -> all.contains(request.text())).forEach(request -> seen.add(request.kind().name()));
        assertThat(seen).isNotEmpty().containsOnly("FACT");
        Request first = world.validation().get(0);
        assertThat(world.validationGold(0, "sure , " + String.join(" ", first.answer()) + " hope that helps")).isEqualTo(2.5);
        Request test = world.test().get(7);
        assertThat(world.testGold(7, String.join(" ", test.answer()))).isEqualTo(2);
    }

    /** The same world, so small that all of it is made and trained in within seconds. */
    private static WorldTerms small(WorldTerms of) {
        return new WorldTerms(
                of.name(), of.kinds(), of.stale(), of.unknown(), 64, of.judgements() == 0 ? 0 : 64, 32, of.peopleRight(), of.peopleKnow(), of.peopleOld(),
                of.strongRight(), of.weakRight(), of.sourceOld(), of.offlineNoise(), of.judgedSources(), of.annotatorNoise(), of.charm(),
                of.rewardError(), 16);
    }

    @ParameterizedTest
    @ValueSource(strings = {"demo", "paper"})
    void aWorldIsMadeAndTrainedInAndTheSameSeedGivesTheSameBits(String name) throws IOException {
        List<String> models = new ArrayList<>();
        WorldQuality quality = null;
        for (String place : List.of("one", "two")) {
            DemoWorld world = new DemoWorld(temp.resolve(place), small(WorldTerms.of(name)), 7, "cpu", 1);
            assertThat(world.isMade()).isFalse();
            world.make(RunListener.SILENT, new StopSignal());
            assertThat(world.isMade()).isTrue();
            List<String> lines = new ArrayList<>(List.of("recipe: online-dpo"));
            lines.addAll(world.settings());
            DemoRun online = world.run("online-dpo");
            online.write(lines);
            online.train(RunListener.SILENT, new StopSignal());
            RunFolder run = online.run();
            assertThat(run.end().path("answers_annotated").asInt()).isEqualTo(64);
            models.add(Digests.sha256(run.model().resolve("model.safetensors")));
            quality = world.quality();
        }
        assertThat(models.get(0)).isEqualTo(models.get(1));
        assertThat(quality.pairs()).isBetween(0.3, 0.9);
        assertThat(quality.rewards()).isBetween(0.3, 0.95);
    }

    @Test
    void worldsThatDifferInTheirPairsAloneShareAStart() throws IOException {
        WorldTerms terms = small(WorldTerms.PAPER);
        DemoWorld one = new DemoWorld(temp.resolve("one"), temp.resolve("start"), terms, 7, "cpu", 1);
        one.make(RunListener.SILENT, new StopSignal());
        DemoWorld other = new DemoWorld(temp.resolve("other"), temp.resolve("start"), terms.with("offline_noise", 0.5), 7, "cpu", 1);
        assertThat(other.isMade()).isTrue();
        assertThat(other.startModel()).isEqualTo(one.startModel()).isDirectory();
        other.make(RunListener.SILENT, new StopSignal());
        assertThat(Files.readString(temp.resolve("other/data/pairs.jsonl"))).isNotEqualTo(Files.readString(temp.resolve("one/data/pairs.jsonl")));
        assertThat(temp.resolve("other/sft")).doesNotExist();
    }

    @Test
    void whoeverComesSecondToAStartWaitsForIt() throws Exception {
        WorldTerms terms = small(WorldTerms.PAPER);
        List<String> notes = Collections.synchronizedList(new ArrayList<>());
        RunListener listener = new RunListener() {
            @Override
            public void note(String text) {
                notes.add(text);
            }
        };
        List<Thread> threads = new ArrayList<>();
        for (String place : List.of("one", "other")) {
            DemoWorld world = new DemoWorld(temp.resolve(place), temp.resolve("start"), terms, 7, "cpu", 1);
            threads.add(new Thread(() -> world.make(listener, new StopSignal())));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(notes).filteredOn(note -> note.startsWith("waiting for the start that another suite makes: " + temp.resolve("start") + ": in use")).hasSize(1);
        assertThat(notes).filteredOn(note -> note.contains("is finished")).hasSize(1);
        StopSignal stop = new StopSignal();
        stop.request();
        try (RunLock lock = RunLock.acquire(temp.resolve("start"))) {
            DemoWorld third = new DemoWorld(temp.resolve("third"), temp.resolve("start"), terms, 7, "cpu", 1);
            assertThatThrownBy(() -> third.make(RunListener.SILENT, stop)).isInstanceOf(InterruptedRunException.class);
        }
    }

    @Test
    void aPromptOfAnotherWorldHasNoGoldReward() {
        DemoWorld world = new DemoWorld(Path.of("unused"), WorldTerms.PAPER, 3, "cpu", 1);
        assertThat(world.gold("what colour is banana ?", "yellow")).isEqualTo(2);
        for (String prompt : List.of("cat dog", "what colour is tomato ?", "who rules nowhere ?", "how many words : " + "a ".repeat(9), "")) {
            assertThat(world.gold(prompt, "yellow")).as(prompt).isNaN();
        }
    }
}
