'use strict';
// The page of `metaapo chat --web`: it speaks to the server's OpenAI-compatible endpoints and to nothing else.
(() => {
  const { element } = page;
  const byId = id => document.getElementById(id);
  const KEPT = "metaapo-chat";
  const HINT = byId("note").textContent;

  let models = [];
  let settings = {templates: []};
  // Each turn: the user's text, and of each model {text, note, wrong}.
  let turns = [];
  let running = [];

  function note(text) { byId("note").textContent = text || HINT; }

  function show() {
    byId("talk").replaceChildren(...turns.map(turnElement));
    buttons();
  }

  function turnElement(turn) {
    const box = element("div", undefined, "turn");
    box.append(element("div", turn.user, "said user"));
    const answers = element("div", undefined, models.length > 1 ? "answers two" : "answers");
    turn.views = models.map((model, i) => {
      const answer = element("article", undefined, "answer");
      if (models.length > 1) answer.append(element("h2", model.id));
      const view = {box: answer, said: element("div", undefined, "said"), foot: element("footer")};
      answer.append(view.said, view.foot);
      answers.append(answer);
      fill(view, turn.answers[i]);
      return view;
    });
    box.append(answers);
    return box;
  }

  function fill(view, answer) {
    view.said.textContent = answer.text;
    view.foot.textContent = answer.note;
    view.foot.classList.toggle("wrong", answer.wrong);
    view.box.classList.toggle("over", answer.over);
  }

  function buttons() {
    const busy = running.length > 0;
    byId("send").disabled = busy || models.length === 0;
    byId("stop").disabled = !busy;
    for (const id of ["again", "undo", "clear", "save"]) byId(id).disabled = busy || turns.length === 0;
    byId("load").disabled = busy;
  }

  function keep() {
    const kept = turns.map(({user, attempt, answers}) => ({user, attempt, answers}));
    try {
      sessionStorage.setItem(KEPT, JSON.stringify({models: models.map(m => m.id), system: byId("system").value, turns: kept}));
    } catch {
      // The browser keeps nothing; the page works all the same.
    }
  }

  // What a model has been told and has said, up to a turn. An answer without a word leaves no trace.
  function messages(model, end) {
    const list = [];
    if (byId("system").value.trim()) list.push({role: "system", content: byId("system").value});
    for (const turn of turns.slice(0, end)) {
      if (turn.answers[model].text) list.push({role: "user", content: turn.user}, {role: "assistant", content: turn.answers[model].text});
    }
    return list;
  }

  function number(id) {
    const value = byId(id).value.trim();
    return value === "" || !Number.isFinite(Number(value)) ? undefined : Number(value);
  }

  function body(model, turn) {
    const seed = number("seed");
    const prompt = settings.templates[model]
      ? {messages: [...messages(model, turns.indexOf(turn)), {role: "user", content: turn.user}]} : {prompt: turn.user};
    return {
      model: models[model].id, ...prompt,
      temperature: number("temperature"), top_p: number("top_p"), top_k: number("top_k"),
      // Models beside each other draw the same random numbers, a message asked again draws others.
      seed: seed === undefined ? undefined : seed + turn.attempt,
      stream: true, stream_options: {include_usage: true},
    };
  }

  // The longest answer that is asked for, where the context has room for less; the server says why where it has none.
  async function room(model, asked) {
    const most = number("max_new_tokens");
    if (most === undefined) return undefined;
    const {messages, prompt} = asked;
    const response = await fetch("/tokenize", {
      method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({model: asked.model, messages, prompt}),
    });
    if (!response.ok) throw new Error(await failure(response));
    const left = models[model].max_model_len - (await response.json()).count;
    if (left < 1) throw new Error(`the conversation fills the context of ${models[model].max_model_len} tokens. Undo takes the last message back, Clear begins anew.`);
    return Math.min(most, left);
  }

  async function* events(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const {value, done} = await reader.read();
      if (done) return;
      text += value;
      let end;
      while ((end = text.indexOf("\n\n")) >= 0) {
        const event = text.slice(0, end);
        text = text.slice(end + 2);
        if (event.startsWith("data: ")) yield event.slice(6);
      }
    }
  }

  async function failure(response) {
    try {
      const {error} = await response.json();
      const full = error.code === "context_length_exceeded" ? " Undo takes the last message back, Clear begins anew." : "";
      return error.message + full;
    } catch {
      return `the server answered ${response.status}`;
    }
  }

  async function answer(turn, model, abort) {
    const state = turn.answers[model];
    const started = performance.now();
    let usage;
    let finish;
    const isAtEnd = () => window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 40;
    const update = () => {
      const follow = isAtEnd();
      fill(turn.views[model], state);
      if (follow) window.scrollTo(0, document.documentElement.scrollHeight);
    };
    try {
      const asked = body(model, turn);
      const longest = await room(model, asked);
      if (longest !== undefined) asked.max_tokens = longest;
      const response = await fetch(settings.templates[model] ? "/v1/chat/completions" : "/v1/completions", {
        method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(asked), signal: abort.signal,
      });
      if (!response.ok) throw new Error(await failure(response));
      for await (const data of events(response)) {
        if (data === "[DONE]") break;
        const chunk = JSON.parse(data);
        if (chunk.error) throw new Error(chunk.error.message);
        usage = chunk.usage ?? usage;
        const choice = chunk.choices[0];
        if (!choice) continue;
        finish = choice.finish_reason ?? finish;
        const more = choice.delta?.content ?? choice.text;
        if (more) {
          state.text += more;
          update();
        }
      }
      if (!finish) throw new Error("the answer ended before its end");
      state.note = said(usage, finish, started, models[model]);
    } catch (e) {
      const stopped = e.name === "AbortError";
      state.note = stopped ? "stopped" : e.message;
      state.wrong = !stopped;
    }
    state.over = true;
    update();
  }

  function said(usage, finish, started, model) {
    const parts = [];
    if (usage) {
      const seconds = (performance.now() - started) / 1000;
      parts.push(`${usage.completion_tokens} ${usage.completion_tokens === 1 ? "token" : "tokens"}`);
      parts.push(`${seconds.toFixed(2)} s`);
      parts.push(model.max_model_len
        ? `context ${usage.total_tokens} of ${model.max_model_len}` : `context ${usage.total_tokens}`);
    }
    if (finish === "length") parts.push("cut, for it is as long as it may be");
    return parts.join(" · ");
  }

  async function ask(user, attempt) {
    const turn = {user, attempt, answers: models.map(() => ({text: "", note: "", wrong: false, over: false}))};
    turns.push(turn);
    byId("talk").append(turnElement(turn));
    window.scrollTo(0, document.documentElement.scrollHeight);
    note();
    running = models.map(() => new AbortController());
    buttons();
    await Promise.all(models.map((_, i) => answer(turn, i, running[i])));
    running = [];
    buttons();
    keep();
    byId("message").focus();
  }

  function stop() { running.forEach(abort => abort.abort()); }

  function send() {
    const text = byId("message").value;
    if (!text.trim() || running.length > 0 || models.length === 0) return;
    byId("message").value = "";
    ask(text.trim(), 0);
  }

  // A line for each model, as `metaapo chat` writes and data files have it.
  function save() {
    const lines = models.map((model, i) => JSON.stringify({messages: messages(i, turns.length), model: model.id}));
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], {type: "application/jsonl"}));
    link.download = "chat.jsonl";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  async function load(file) {
    try {
      const rows = parsed(await file.text());
      begun(models.map((_, i) => rows[Math.min(i, rows.length - 1)].messages));
      note(`${turns.length} messages loaded`);
      show();
      keep();
    } catch (e) {
      note(`${file.name}: no file of conversations, {"messages": [{"role": …, "content": …}, …]}: ${e.message}`);
    }
  }

  // Goes on from lists of messages, by model.
  function begun(lists) {
    const talks = lists.map(pairs);
    byId("system").value = talks[0].system;
    turns = talks[0].pairs.map(({user}, t) => ({
      user, attempt: 0,
      answers: talks.map(talk => ({text: talk.pairs[t]?.assistant ?? "", note: "", wrong: false, over: true})),
    }));
  }

  // An object, a list of them, or a line for each.
  function parsed(text) {
    try {
      const json = JSON.parse(text);
      return Array.isArray(json) ? json : [json];
    } catch {
      return text.split("\n").filter(line => line.trim()).map(line => JSON.parse(line));
    }
  }

  function pairs(list) {
    const talk = {system: "", pairs: []};
    for (const {role, content} of list) {
      if (typeof content !== "string") throw new Error("a turn whose content is no text");
      if (role === "system" && talk.pairs.length === 0) talk.system = content;
      else if (role === "user") talk.pairs.push({user: content, assistant: ""});
      else if (role === "assistant" && talk.pairs.length > 0) talk.pairs[talk.pairs.length - 1].assistant = content;
      else throw new Error(`a turn of ${role} in this place`);
    }
    return talk;
  }

  async function begin() {
    try {
      const response = await fetch("/v1/models");
      if (!response.ok) throw new Error(await failure(response));
      models = (await response.json()).data;
      settings = await (await fetch("/page/settings.json")).json();
      for (const name of ["system", "temperature", "top_p", "top_k", "max_new_tokens", "seed"]) byId(name).value = settings[name];
      byId("models").textContent = models.map((model, i) => model.id + (settings.templates[i]
        ? "" : " (no chat template: each message is a text that is gone on with, and earlier ones are not read)")).join(" against ");
      const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
      if (kept && kept.models.join("\n") === models.map(model => model.id).join("\n")) {
        byId("system").value = kept.system;
        turns = kept.turns;
      } else if (settings.talks.some(talk => talk.length)) {
        begun(settings.talks);
        byId("system").value ||= settings.system;
      }
      show();
      window.scrollTo(0, document.documentElement.scrollHeight);
    } catch (e) {
      byId("models").textContent = `no models: ${e.message}`;
    }
  }

  byId("composer").addEventListener("submit", event => { event.preventDefault(); send(); });
  byId("message").addEventListener("keydown", event => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
  });
  document.addEventListener("keydown", event => { if (event.key === "Escape") stop(); });
  byId("stop").addEventListener("click", stop);
  byId("again").addEventListener("click", () => {
    const {user, attempt} = turns.pop();
    byId("talk").lastChild.remove();
    ask(user, attempt + 1);
  });
  byId("undo").addEventListener("click", () => {
    const {user} = turns.pop();
    show();
    keep();
    if (!byId("message").value) byId("message").value = user;
    byId("message").focus();
  });
  byId("clear").addEventListener("click", () => { turns = []; show(); keep(); byId("message").focus(); });
  byId("save").addEventListener("click", save);
  byId("load").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", event => { if (event.target.files[0]) load(event.target.files[0]); event.target.value = ""; });
  begin();
})();
