package org.metaapo.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.metaapo.files.Json;

/**
 * A page: frame, house style, charts and its own parts. As one text it needs no other file and has its data inside; texts in the data stay
 * data: the page never reads them as HTML. As a set of parts it is served, and has no script or style inside.
 */
public final class HtmlPage {
    private static final String UPLOT = "/META-INF/resources/webjars/uplot/1.6.30/dist/";
    private static final Pattern MARKER = Pattern.compile("/\\*([A-Z_]+)\\*/");
    private static final List<String> SHARED_SCRIPTS = List.of("page.js", "picture.js");

    private HtmlPage() {}

    /**
     * A part of a page that is served.
     *
     * @param type of the content
     * @param bytes the content
     */
    public record Part(String type, byte[] bytes) {}

    /**
     * The page as one text.
     *
     * @param owner its resources {@code name.html} (the body), {@code name.css} and the scripts are in this class's package
     * @param title of the window, plain words
     * @param scripts of the page, in their order; {@code name.js} where there is none
     */
    public static String text(Class<?> owner, String name, String title, JsonNode data, String... scripts) {
        List<String> inside = new ArrayList<>(List.of("<script id=\"data\" type=\"application/json\">", data(data), "</script>\n"));
        for (String script : scripts(owner, name, scripts).values()) {
            inside.addAll(List.of("<script>", script, "</script>\n"));
        }
        StringBuilder styles = new StringBuilder();
        styles(owner, name).values().forEach(style -> styles.append("<style>").append(style).append("</style>\n"));
        return page(owner, name, title, styles.toString(), inside);
    }

    /** The page's parts by their paths, the page itself at {@code /}; other arguments as those of {@link #text}. */
    public static Map<String, Part> parts(Class<?> owner, String name, String title, String... scripts) {
        Map<String, Part> parts = new LinkedHashMap<>();
        StringBuilder styles = new StringBuilder("<link rel=\"icon\" href=\"/page/icon.svg\">\n");
        styles(owner, name).forEach((file, text) -> {
            styles.append("<link rel=\"stylesheet\" href=\"/page/").append(file).append("\">\n");
            parts.put("/page/" + file, part("text/css", text));
        });
        StringBuilder inside = new StringBuilder();
        scripts(owner, name, scripts).forEach((file, text) -> {
            inside.append("<script src=\"/page/").append(file).append("\"></script>\n");
            parts.put("/page/" + file, part("text/javascript", text));
        });
        parts.put("/page/icon.svg", part("image/svg+xml", resource(HtmlPage.class, "icon.svg")));
        parts.put("/", part("text/html", page(owner, name, title, styles.toString(), List.of(inside.toString()))));
        return parts;
    }

    /** A part of a text. */
    public static Part part(String type, String text) {
        return new Part(type + "; charset=utf-8", text.getBytes(StandardCharsets.UTF_8));
    }

    private static String page(Class<?> owner, String name, String title, String styles, List<String> inside) {
        Map<String, List<String>> parts = Map.of(
                "TITLE", List.of(title), "BODY", List.of(resource(owner, name + ".html")), "STYLES", List.of(styles), "SCRIPTS", inside);
        String frame = resource(HtmlPage.class, "page.html");
        List<String> all = new ArrayList<>();
        int from = 0;
        // Not by a replacement, which would go through megabytes of data character by character.
        for (Matcher marker = MARKER.matcher(frame); marker.find(); from = marker.end()) {
            all.add(frame.substring(from, marker.start()));
            all.addAll(parts.get(marker.group(1)));
        }
        all.add(frame.substring(from));
        return String.join("", all);
    }

    private static Map<String, String> styles(Class<?> owner, String name) {
        Map<String, String> styles = new LinkedHashMap<>();
        styles.put("uplot.css", resource(HtmlPage.class, UPLOT + "uPlot.min.css"));
        styles.put("page.css", resource(HtmlPage.class, "page.css"));
        styles.put(name + ".css", resource(owner, name + ".css"));
        return styles;
    }

    private static Map<String, String> scripts(Class<?> owner, String name, String[] own) {
        Map<String, String> scripts = new LinkedHashMap<>();
        scripts.put("uplot.js", resource(HtmlPage.class, UPLOT + "uPlot.iife.min.js"));
        SHARED_SCRIPTS.forEach(file -> scripts.put(file, resource(HtmlPage.class, file)));
        List<String> files = own.length == 0 ? List.of(name + ".js") : new ArrayList<>(List.of(own));
        files.forEach(file -> scripts.put(file.substring(file.lastIndexOf('/') + 1), resource(owner, file)));
        return scripts;
    }

    /** JSON without "<", so that no text can end the script element. */
    private static String data(JsonNode data) {
        return Json.write(data)
                .replace("<", "\\u003c")
                .replace("\u2028", "\\u2028")
                .replace("\u2029", "\\u2029");
    }

    /** Text of a resource of the build. */
    static String resource(Class<?> owner, String name) {
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
