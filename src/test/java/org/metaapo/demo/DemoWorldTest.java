package org.metaapo.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class DemoWorldTest {
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
}
