package org.metaapo.watch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.compare.ComparisonReport;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.report.HtmlPage;
import org.metaapo.report.Report;
import org.metaapo.train.RunFolder;

/** The page in a browser. */
class WatchPageTest {
    /** More than the connections that a browser opens to one place. */
    private static final int TABS = 8;
    /** A window that has the whole page in it: what is far from the window is not drawn. */
    private static final int TALL = 6000;

    @TempDir
    static Path temp;

    private static Browser browser;

    @BeforeAll
    static void start() throws Exception {
        assumeTrue(Files.isExecutable(Browser.CHROMIUM), "no Chromium at " + Browser.CHROMIUM);
        browser = new Browser(temp.resolve("profile"));
    }

    @AfterAll
    static void stop() {
        if (browser != null) {
            browser.close();
        }
    }

    private static void assertSound(Browser.Tab tab, String name) {
        assertThat(tab.errors).as(name).isEmpty();
        assertThat(tab.value("document.documentElement.scrollWidth - innerWidth").asInt()).as(name + ": no sideways scroll").isLessThanOrEqualTo(0);
        assertThat(tab.value("[...document.querySelectorAll('#panels canvas, #panels svg')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).length").asInt())
                .as(name + ": pictures within the page").isZero();
    }

    @Test
    void wideAndNarrowLightAndDarkLiveAndNot() throws Exception {
        Path run = temp.resolve("looks/metaapo");
        MadeRun.write(run, 60, 20, true, 1);
        MadeRun.write(temp.resolve("looks/other"), 40, 20, false, 2);
        Report.write(new RunFolder(run));
        try (WatchServer server = WatchServer.start(List.of(temp.resolve("looks")), "127.0.0.1", 0)) {
            for (String address : List.of(server.address(), run.resolve("report.html").toUri().toString())) {
                Browser.Tab tab = browser.open(address, 1400, TALL, false);
                tab.await("document.querySelectorAll('.u-over').length > 12 && document.querySelector('.row')");
                for (int width : new int[] {1400, 400}) {
                    for (boolean dark : new boolean[] {false, true}) {
                        tab.size(width, width == 400 ? 2 * TALL : TALL);
                        tab.scheme(dark);
                        tab.value("new Promise(done => setTimeout(done, 150))");
                        assertSound(tab, address + " " + width + (dark ? " dark" : " light"));
                    }
                }
                assertThat(tab.value("[...document.querySelectorAll('.panel')].filter(p => !p.hidden).map(p => p.id).join()").asText())
                        .isEqualTo("state,learning,weighing,online,saved,prompts,speed,runs,foot");
                tab.close();
            }
        }
    }

    @Test
    void keysMoveOpenFilterAndSmooth() throws Exception {
        MadeRun.write(temp.resolve("keys/run"), 40, 20, true, 1);
        try (WatchServer server = WatchServer.start(List.of(temp.resolve("keys/run")), "127.0.0.1", 0)) {
            Browser.Tab tab = browser.open(server.address(), 1000, 900, false);
            tab.await("document.querySelector('.row')");
            tab.press("j");
            tab.press("j");
            assertThat(tab.value("[...document.querySelectorAll('.row')].findIndex(r => r.classList.contains('here'))").asInt()).isEqualTo(1);
            tab.press("k");
            tab.press("Enter");
            tab.await("document.querySelector('.row.here .detail')");
            tab.press("Escape");
            tab.await("!document.querySelector('.detail')");
            tab.press("/");
            assertThat(tab.value("document.activeElement.id").asText()).isEqualTo("search");
            for (String letter : "slice 1:".split("")) {
                tab.press(letter);
            }
            tab.await("document.querySelector('.where').textContent.startsWith('64 prompts')");
            tab.press("Escape");
            tab.press("s");
            tab.await("document.getElementById('tools').textContent.includes('smoothing 0.6')");
            tab.press("l");
            tab.await("document.getElementById('tools').textContent.includes('log scale')");
            tab.press("?");
            tab.await("document.querySelector('dialog').open");
            tab.press("Escape");
            tab.await("!document.querySelector('dialog').open");
            tab.value("(() => { const s = document.querySelector('#prompts select[aria-label=order]'); s.value = 'weight'; s.onchange(); })()");
            tab.await("(() => { const w = [...document.querySelectorAll('.row')].map(r => Number(r.textContent.match(/w(0\\.\\d+)/)[1])); return w.length > 5 && w.every((v, i) => !i || v >= w[i - 1]); })()");
            assertSound(tab, "keys");
            tab.close();
        }
    }

    private static String comparison(int seeds) {
        String row = "{\"name\":\"%s\",\"seeds\":" + seeds + ",\"setting\":\"\",\"measure\":[0.5,0.4,0.6],\"wins\":[0.5,0.4,0.6],\"reward\":[1,1,1],\"kl\":[0,0,0],"
                + "\"length\":[5,5,5],%s\"totals\":{\"step\":4,\"answers_annotated\":8},\"by_seed\":[0.4,0.6],\"runs\":[%s],\"curves\":{}}";
        return "{\"suite\":\"s.yaml\",\"folder\":\"out\",\"gold\":false,\"baseline\":\"metaapo\",\"seeds\":" + seeds + ",\"prompts\":4,\"choices\":[],\"remarks\":[],\"failures\":[],\"rows\":["
                + String.format(row, "sft", "", "") + "," + String.format(row, "metaapo", "", "{\"seed\":1,\"report\":\"seed-1/meta apo/report.html\"}") + ","
                + String.format(row, "dpo", "\"difference\":[-0.2,-0.3,-0.1],\"p\":1e-9,\"p_seeds\":0.02,", "")
                + "],\"example_seed\":1,\"examples\":[{\"prompt\":\"Why?\",\"answers\":{\"sft\":{\"text\":\"<b>So\",\"worth\":1},\"dpo\":{\"text\":\"Because.\",\"worth\":2}}}]}";
    }

    @Test
    void aComparisonLinksItsRunsAndCallsTwoSeedsNothingSure() throws Exception {
        for (int seeds : new int[] {2, 3}) {
            Path page = temp.resolve("comparison-" + seeds + ".html");
            Files.writeString(page, HtmlPage.text(ComparisonReport.class, "compare", "comparison", Json.parse(comparison(seeds), "data")));
            Browser.Tab tab = browser.open(page.toUri().toString(), 400, 800, false);
            tab.await("document.querySelector('.example .side')");
            assertThat(tab.value("document.querySelectorAll('#table .worse').length").asInt()).isEqualTo(seeds < 3 ? 0 : 1);
            assertThat(tab.value("document.querySelector('#table a').getAttribute('href')").asText()).isEqualTo("seed-1/meta%20apo/report.html");
            assertThat(tab.value("[...document.querySelectorAll('.example .side .text')].map(e => e.textContent).join('|')").asText()).isEqualTo("<b>So|Because.");
            assertThat(tab.errors).isEmpty();
            assertThat(tab.value("document.documentElement.scrollWidth - innerWidth").asInt()).isLessThanOrEqualTo(0);
            tab.close();
        }
    }

    private static final String STEPS = "store.runs[0].series.loss.x.join()";

    @Test
    void eachOpenTabSurvivesAResumeAndARestart() throws Exception {
        Path run = Files.createDirectories(temp.resolve("resumed"));
        Path metrics = Files.copy(Fixtures.path("watch/1-running.jsonl"), run.resolve("metrics.jsonl"));
        WatchServer server = WatchServer.start(List.of(run), "127.0.0.1", 0);
        List<Browser.Tab> tabs = new ArrayList<>();
        for (int i = 0; i < TABS; i++) {
            tabs.add(browser.open(server.address(), 800, 600, false));
        }
        for (Browser.Tab tab : tabs) {
            tab.await("store.runs.length && store.runs[0].known && " + STEPS + ".endsWith(',12')");
        }
        Files.write(metrics, Files.readAllBytes(Fixtures.path("watch/2-resumed.jsonl")));
        for (Browser.Tab tab : tabs) {
            tab.await(STEPS + " === '1,2,3,4,5,6,7,8,9,10,11,12,13,14,15'");
        }
        Files.writeString(metrics, "{\"step\":16,\"loss\":0.5}\n", StandardOpenOption.APPEND);
        tabs.get(TABS - 1).await(STEPS + ".endsWith(',15,16')");
        int port = server.port();
        server.close();
        tabs.get(0).await("!document.getElementById('banner').hidden");
        Files.writeString(metrics, "{\"step\":17,\"loss\":0.5}\n", StandardOpenOption.APPEND);
        server = WatchServer.start(List.of(run), "127.0.0.1", port);
        for (Browser.Tab tab : tabs) {
            tab.await(STEPS + ".endsWith(',15,16,17') && document.getElementById('banner').hidden");
            assertThat(tab.value("new Set(store.runs[0].series.loss.x).size").asInt()).isEqualTo(17);
            assertThat(tab.errors).allMatch(error -> error.contains("ERR_CONNECTION_REFUSED") || error.contains("ERR_INCOMPLETE_CHUNKED") || error.contains("ERR_EMPTY_RESPONSE"));
            tab.close();
        }
        server.close();
    }
}
