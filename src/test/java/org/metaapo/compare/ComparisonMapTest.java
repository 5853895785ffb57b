package org.metaapo.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.demo.WorldQuality;

class ComparisonMapTest {
    private static final int PROMPTS = 40;
    /** Every other prompt, as the gold rewards below alternate. */
    private static final List<String> KINDS = IntStream.range(0, PROMPTS).mapToObj(i -> i % 2 == 0 ? "easy" : "hard").toList();

    @TempDir
    Path temp;

    /** Gold rewards around a mean, the same from prompt to prompt for all methods. */
    private static Evaluation evaluation(double mean, long seed) {
        double[][] gold = new double[PROMPTS][1];
        double[][] zero = new double[PROMPTS][1];
        int[][] tokens = new int[PROMPTS][1];
        String[][] texts = new String[PROMPTS][1];
        for (int i = 0; i < PROMPTS; i++) {
            gold[i][0] = mean + 0.01 * seed + (i % 2 == 0 ? 0.5 : -0.5);
            Arrays.fill(texts[i], "");
        }
        return new Evaluation("", gold, gold, zero, tokens, texts);
    }

    private static ComparisonMap.World world(SuiteMap.Cell cell, double noise, double error) {
        Map<String, List<RunResult>> runs = new LinkedHashMap<>();
        Map<String, Double> means = new LinkedHashMap<>();
        means.put(Suite.START, 0.5);
        means.put("dpo", 1 - noise);
        means.put("online-dpo", 1.2 - error);
        means.put("metaapo", 1.1);
        means.forEach((name, mean) -> runs.put(name, List.of(
                new RunResult(1, List.of(), List.of(), evaluation(mean, 1)), new RunResult(2, List.of(), List.of(), evaluation(mean, 2)))));
        Results results = new Results(
                cell.suite(), runs, Map.of(), Map.of(), Map.of(1L, KINDS, 2L, KINDS), new WorldQuality(1 - noise, 1 - error / 4), List.of(), Map.of(), List.of());
        return new ComparisonMap.World(cell, results, Summary.of(results));
    }

    private ComparisonMap map() {
        SuiteMap map = SuiteReader.read("out: " + temp + "\nseeds: [1, 2]\nworld: {name: paper, offline_noise: [0.1, 0.5], reward_error: [0, 1]}\n"
                + "methods: {dpo: {recipe: dpo}, online-dpo: {recipe: online-dpo}, metaapo: {recipe: metaapo}}\n", "s.yaml", List.of());
        List<ComparisonMap.World> worlds = new ArrayList<>();
        map.cells().forEach(cell -> worlds.add(world(cell, cell.amounts().get("offline_noise"), cell.amounts().get("reward_error"))));
        return new ComparisonMap(map, worlds);
    }

    @Test
    void theTableSaysWhereTheBaselineIsAheadOfTheBestOther() {
        List<String> lines = map().markdown().lines().toList();
        assertThat(lines.get(0)).isEqualTo("| offline_noise | reward_error | pairs right | rewards right | sft | dpo | online-dpo | metaapo "
                + "| metaapo minus best other | p seeds | annotated |");
        assertThat(lines.get(2)).startsWith("| 0.1 | 0.0 | 0.90 | 1.00 | 0.515 | 0.915 | 1.215 | 1.115 | -0.100 [-0.100, -0.100] online-dpo |");
        assertThat(lines.get(3)).startsWith("| 0.1 | 1.0 | 0.90 | 0.75 | 0.515 | 0.915 | 0.215 | 1.115 | +0.200 [+0.200, +0.200] dpo |");
        assertThat(lines).hasSize(9);
    }

    @Test
    void allNumbersAreInTheFileAndThePage() throws Exception {
        ComparisonMap map = map();
        assertThat(map.csv().lines().toList()).hasSize(1 + 4 * 4)
                .anyMatch(line -> line.matches("0.5,1.0,0.5000,0.7500,online-dpo,0.215000,.*,-0.900000,-0.900000,-0.900000,0.00000,0"));
        JsonNode world = map.json().path("worlds").get(1);
        assertThat(world.at("/ahead/online-dpo/0").asDouble()).isCloseTo(0.9, within(1e-9));
        assertThat(world.path("page").asText()).isEqualTo("offline_noise=0.1,reward_error=1/report.html");
        ComparisonReport.Written written = ComparisonReport.write(temp, map, List.of());
        assertThat(Files.readString(written.page())).contains("\"others\":[\"dpo\",\"online-dpo\"]").contains("minus ${other}");
        assertThat(temp.resolve("map.csv")).hasContent(map.csv());
    }

    @Test
    void aWorldsTableHasTheKindsOfItsPromptsAndTheQualityOfItsSources() {
        SuiteMap.Cell cell = SuiteReader.read("out: " + temp + "\nseeds: [1, 2]\nworld: paper\n"
                + "methods: {dpo: {recipe: dpo}, online-dpo: {recipe: online-dpo}, metaapo: {recipe: metaapo}}\n", "s.yaml", List.of()).cells().get(0);
        ComparisonMap.World world = world(cell, 0.1, 1);
        String markdown = new Table(world.results(), world.summary()).markdown();
        assertThat(markdown).contains("| method | easy | hard |", "| dpo | 1.415 | 0.415 |", "- By gold, 90 % of the offline pairs are right, and the rewards are in 75 %");
        assertThat(new Table(world.results(), world.summary()).text()).contains("online-dpo  0.715  -0.285");
    }
}
