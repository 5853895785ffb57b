package org.metaapo.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.metaapo.files.Json;

/**
 * A page that needs no other file: frame, house style, charts and data in one text. Texts in the data stay data: the page
 * never reads them as HTML.
 */
public final class HtmlPage {
    private static final String UPLOT = "/META-INF/resources/webjars/uplot/1.6.30/dist/";
    private static final Pattern MARKER = Pattern.compile("/\\*([A-Z_]+)\\*/");

    private HtmlPage() {}

    /**
     * The page.
     *
     * @param owner its resources {@code name.html} (the body), {@code name.css} and {@code name.js} are in this class's package
     * @param title of the window, plain words
     */
    public static String text(Class<?> owner, String name, String title, JsonNode data) {
        Map<String, String> parts = Map.of(
                "TITLE", title,
                "BODY", resource(owner, name + ".html"),
                "UPLOT_CSS", resource(HtmlPage.class, UPLOT + "uPlot.min.css"),
                "UPLOT_JS", resource(HtmlPage.class, UPLOT + "uPlot.iife.min.js"),
                "PAGE_CSS", resource(HtmlPage.class, "page.css"),
                "PAGE_JS", resource(HtmlPage.class, "page.js"),
                "CSS", resource(owner, name + ".css"),
                "JS", resource(owner, name + ".js"),
                "DATA", data(data));
        return MARKER.matcher(resource(HtmlPage.class, "page.html"))
                .replaceAll(marker -> Matcher.quoteReplacement(parts.get(marker.group(1))));
    }

    /** JSON without "<", so that no text can end the script element. */
    private static String data(JsonNode data) {
        return Json.write(data)
                .replace("<", "\\u003c")
                .replace("\u2028", "\\u2028")
                .replace("\u2029", "\\u2029");
    }

    private static String resource(Class<?> owner, String name) {
        try (InputStream in = owner.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("resource " + name + " is missing from the build");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
