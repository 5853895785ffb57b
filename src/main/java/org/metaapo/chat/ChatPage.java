package org.metaapo.chat;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.files.Json;
import org.metaapo.report.HtmlPage;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;

/** The page of a chat in a browser, which asks the server that it comes from. */
public final class ChatPage {
    private ChatPage() {}

    /**
     * The page's parts by their paths, the page itself at {@code /}.
     *
     * @param settings that it begins with
     * @param system the system's text, or null
     * @param begun what was said already, by model
     * @param templates whether each model has a chat template
     */
    public static Map<String, HtmlPage.Part> parts(ChatSettings settings, String system, List<Conversation> begun, List<Boolean> templates) {
        Map<String, HtmlPage.Part> parts = HtmlPage.parts(ChatPage.class, "chat", "metaapo chat");
        Map<String, Object> begin = new LinkedHashMap<>();
        ChatSettings.names().forEach(name -> begin.put(name, settings.get(name)));
        begin.put("system", system == null ? "" : system);
        begin.put("talks", begun.stream().map(talk -> talk.turns().stream().map(Message::fields).toList()).toList());
        begin.put("templates", templates);
        parts.put("/page/settings.json", HtmlPage.part("application/json", Json.write(begin)));
        return parts;
    }
}
