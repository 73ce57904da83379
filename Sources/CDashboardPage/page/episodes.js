// The list of episodes and the player.
import { h, s, show, empty, pill, percent, count, duration, clock, place, significant, known, fixed, outcomeWords } from "./dom.js";
import { valueChart, advantageChart, legend } from "./charts.js";

const filters = ["task", "robot", "source", "outcome", "iteration"];
const sheet = 64;

export function episodesView(app) {
  let player = null;
  let pages = [];
  let lastQuery = null;
  const ids = () => pages.flatMap((page) => page.episodes.map((e) => e.id));
  const pick = (id) => app.set({ id });
  const step = (by) => {
    const all = ids();
    const at = all.indexOf(app.state.params.get("id"));
    const next = all[at < 0 ? 0 : at + by];
    if (next) pick(next);
  };
  return {
    pace: 2000,
    wants: (last, now) => last.episodes !== now.episodes || last.judgements !== now.judgements,
    async load(params) {
      const query = new URLSearchParams();
      for (const name of filters) if (params.get(name)) query.set(name, params.get(name));
      const [first, choices] = await Promise.all([app.get(`api/episodes?${query}`), app.get("api/episodes/choices")]);
      // More that has been read stays, unless it was asked for something else.
      const same = lastQuery === query.toString() && pages[0]?.episodes[0]?.sequence === first.episodes[0]?.sequence;
      if (!same) pages = [first]; else pages[0].matching = first.matching;
      lastQuery = query.toString();
      const id = params.get("id") || (innerWidth > 1080 ? first.episodes[0]?.id : null);
      const judgements = app.state.stamp?.judgements;
      if (id && player?.id === id && player.judgements !== judgements) {
        player.judgements = judgements;
        player.update?.(await app.get(`api/episode?id=${encodeURIComponent(id)}`));
      } else if (id && player?.id !== id) {
        player?.stop();
        try { player = makePlayer(app, id, await app.get(`api/episode?id=${encodeURIComponent(id)}`)); player.judgements = judgements; } catch (error) { player = { id, stop() {}, node: () => h("div", { class: "error" }, error.message) }; }
      }
      if (!id) { player?.stop(); player = null; }
      return { query, choices };
    },
    render({ query, choices }, { params }) {
      const first = pages[0];
      const select = (name, label, options) => h("label", { class: "field" }, label, h("select", { onchange: (e) => app.go("episodes", { ...Object.fromEntries(params), id: "", [name]: e.target.value }) },
        h("option", { value: "" }, "all"), options.map((value) => h("option", { value, selected: value === params.get(name) }, outcomeWords(value)))));
      const bar = h("div", { class: "row filters", style: { "margin-bottom": "14px", "align-items": "end" } },
        select("task", "task", choices.tasks), select("source", "source", choices.sources), select("outcome", "outcome", ["success", "failure", "unjudged"]), select("iteration", "iteration k", choices.iterations), select("robot", "robot", choices.robots),
        query.size > 0 && h("button", { class: "link", onclick: () => app.go("episodes") }, "show all"));
      if (!first.episodes.length) return [bar, query.size ? empty("No episode matches", "Choose fewer conditions.") : empty("No episode has been recorded yet", "Every episode appears here as soon as the archive has it: with its cameras, what the value function thought of it, and its labels.")];
      const chosen = player?.id;
      const more = async () => {
        const last = pages[pages.length - 1];
        if (!last.before) return;
        pages.push(await app.get(`api/episodes?${query}&before=${last.before}`));
        app.redraw();
      };
      const last = pages[pages.length - 1];
      return [bar, h("div", { class: `browser ${params.get("id") ? "open" : ""}` },
        h("section", { class: "card list", "aria-label": "Episodes", style: { padding: "6px 0 0" } },
          h("div", { class: "head spread" }, h("h2", null, `${count(first.matching)} episodes`), h("span", { class: "muted" }, "newest first")),
          h("ol", null, pages.flatMap((page) => page.episodes).map((e) => h("li", { "data-key": e.id }, h("button", { type: "button", "aria-current": e.id === chosen ? "true" : null, onclick: () => pick(e.id) },
            h("span", { class: `mark ${e.outcome}`, title: outcomeWords(e.outcome) }), h("span", { class: "id" }, e.id), h("span", { class: "side" }, `${fixed(e.seconds, 1)} s`),
            h("span", { class: "sub" }, [outcomeWords(e.outcome) + (e.reason ? `: ${e.reason}` : ""), e.robot, e.source !== "demonstration" && e.interventionShare > 0 && `${percent(e.interventionShare, 0)} corrected`].filter(Boolean).join(" · ")), h("span", { class: "side hide-small" }, clock(e.storedAt))))),
            last.before && h("li", { "data-key": "more" }, h("button", { type: "button", onclick: more }, h("span"), h("span", { class: "id" }, "Show more"))))),
        h("section", { class: "player", "aria-label": "Player" }, player ? player.node(() => app.set({ id: "" })) : empty("Choose an episode", "Its cameras, V and labels are shown here.")))];
    },
    drawn(main) { player?.drawn?.(main); },
    resized() { player?.reset?.(); },
    leave() { player?.stop(); },
    key(event) {
      if (event.key === "j") step(1); else if (event.key === "k") step(-1);
      else if (event.key === " " && event.target.nodeName !== "BUTTON") player?.toggle?.();
      else if (event.key === "ArrowRight" && event.target.nodeName !== "INPUT") player?.by?.(1); else if (event.key === "ArrowLeft" && event.target.nodeName !== "INPUT") player?.by?.(-1);
      else return false;
      return true;
    },
  };
}

const playIcon = (playing) => s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: playing ? "M3 2h4v12H3zM9 2h4v12H9z" : "M4 2l10 6-10 6z" }));

/** What people say of an episode, and a word of one's own: of its outcome, and of each criterion. */
function judging(app, line, episode) {
  const last = Object.values(Object.fromEntries(episode.ratings.map((one) => [one.rater, one])));
  const marks = (one) => Object.entries(one.criteria ?? {}).sort().map(([name, passed]) => `${name} ${passed ? "✓" : "✗"}`);
  const differ = (values) => new Set(values.filter((value) => value !== undefined)).size > 1;
  const spoken = [...new Set(last.flatMap((one) => Object.keys(one.criteria ?? {})))].sort();
  const divided = [differ(last.map((one) => one.outcome)) && "the outcome", ...spoken.filter((name) => differ(last.map((one) => one.criteria?.[name])))].filter(Boolean);
  const said = [`recorded as ${outcomeWords(episode.recorded)}`, ...last.map((one) => `${one.rater}: ${[one.outcome, ...marks(one)].join(", ")}`), divided.length && `raters disagree on ${divided.join(", ")}`].filter(Boolean).join(" · ");
  const say = (outcome) => app.act("api/episodes/judge", { episode: line.id, outcome }, `${line.id}: ${outcome}`);
  if (!app.state.session.actions) return episode.ratings.length || line.outcome === "unjudged" ? h("p", { class: "muted" }, said) : null;
  const names = episode.criteria.map((one) => one.name);
  const send = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const given = names.filter((name) => form.get(name));
    const criteria = Object.fromEntries(given.map((name) => [name, form.get(name) === "pass"]));
    app.act("api/episodes/judge", { episode: line.id, criteria }, `${line.id}: ${given.map((name) => `${name} ${criteria[name] ? "✓" : "✗"}`).join(", ")}`);
  };
  const choice = (one) => h("label", { class: "field", title: one.description ?? one.name }, one.name, h("select", { name: one.name, "data-keep": "" },
    h("option", { value: "" }, "–"), h("option", { value: "pass" }, "passed"), h("option", { value: "fail" }, "not passed")));
  return h("div", { class: "judging", style: { "margin-bottom": "12px" } },
    h("div", { class: "row" },
      h("span", { class: "muted" }, said),
      h("button", { class: "link", type: "button", onclick: () => say("success") }, "Call it a success"),
      h("button", { class: "link", type: "button", onclick: () => say("failure") }, "Call it a failure")),
    names.length > 0 && h("form", { class: "row", onsubmit: send, style: { "align-items": "end" } }, episode.criteria.map(choice), h("button", { class: "link", type: "submit" }, "Judge by criteria")));
}

/** Plays one episode. What it draws it keeps up to date itself: `data-keep`. */
function makePlayer(app, id, episode) {
  const { cameras } = episode;
  let { line } = episode;
  let at = 0;
  let playing = false;
  let speed = 1;
  let timer = null;
  let root = null;
  let parts = null;
  const sheets = new Map();

  function film(camera, index) {
    const key = `${camera}/${index}`;
    if (!sheets.has(key)) {
      const image = new Image();
      image.onload = draw;
      image.src = `api/episode/film?id=${encodeURIComponent(id)}&camera=${camera}&first=${index * sheet}&count=${sheet}`;
      sheets.set(key, image);
    }
    return sheets.get(key);
  }

  function draw() {
    if (!parts) return;
    cameras.forEach((camera, number) => {
      const index = Math.floor(at / sheet);
      const image = film(number, index);
      if ((index + 1) * sheet < line.steps) film(number, index + 1);
      if (!image.complete || !image.naturalWidth) return;
      const inside = at - index * sheet;
      const columns = Math.round(image.naturalWidth / camera.width);
      parts.canvases[number].getContext("2d").drawImage(image, (inside % columns) * camera.width, Math.floor(inside / columns) * camera.height, camera.width, camera.height, 0, 0, camera.width, camera.height);
    });
    parts.charts.forEach((chart) => chart.move(at));
    parts.range.value = at;
    parts.range.setAttribute("aria-valuetext", `step ${at} of ${line.steps}`);
    parts.time.textContent = `${fixed(at / episode.controlRate, 1)} of ${fixed(line.seconds, 1)} s`;
    const within = (stretches) => stretches?.some(([first, last]) => at >= first && at <= last);
    const subtask = episode.subtasks.find((one) => at >= one.first && at <= one.last);
    const facts = [["step", at], episode.values && ["V", fixed(episode.values[at], 3).replace("-", "−")], episode.advantages && ["A", fixed(episode.advantages[at], 3).replace("-", "−")],
      episode.positive && ["label", within(episode.positive) ? "positive" : "negative"], subtask && ["subtask", subtask.name], within(episode.corrected) && ["corrected by", "a person"]].filter(Boolean);
    show(parts.now, facts.map(([name, value]) => h("span", null, `${name} `, h("b", null, value))));
  }

  function tick() {
    if (at >= line.steps - 1) return toggle();
    at += 1;
    draw();
    timer = setTimeout(tick, 1000 / (episode.controlRate * speed));
  }
  function toggle() {
    playing = !playing;
    clearTimeout(timer);
    if (playing) { if (at >= line.steps - 1) at = 0; tick(); }
    parts?.play.replaceChildren(playIcon(playing));
    parts?.play.setAttribute("aria-label", playing ? "Pause" : "Play");
  }
  function seek(to) { at = Math.min(line.steps - 1, Math.max(0, to)); draw(); }

  function make(width) {
    const canvases = cameras.map((camera) => h("canvas", { width: camera.width, height: camera.height, role: "img", "aria-label": `camera ${camera.name}` }));
    const value = valueChart(width, episode, seek);
    const advantage = episode.advantages && advantageChart(width, episode, seek);
    const play = h("button", { class: "plain play", type: "button", "aria-label": playing ? "Pause" : "Play", onclick: toggle }, playIcon(playing));
    const range = h("input", { type: "range", min: 0, max: line.steps - 1, value: at, "aria-label": "Step", oninput: (e) => seek(Number(e.target.value)) });
    const time = h("span", { class: "time" });
    const now = h("div", { class: "now" });
    parts = { canvases, charts: [value, advantage].filter(Boolean), play, range, time, now };
    const kinds = [["c0", "V"], episode.drops.length && ["drop", "largest drops"], episode.corrected.length && ["block shade", "corrected by a person"], episode.positive && ["block c2", "labelled positive"]].filter(Boolean);
    return h("div", { class: "stack" },
      cameras.length ? h("div", { class: "films" }, cameras.map((camera, i) => h("figure", { class: "film" }, canvases[i], h("figcaption", null, camera.name.replaceAll("_", " "))))) : h("p", { class: "muted" }, "Recorded without camera images."),
      h("div", { class: "controls" }, play, range, time, h("select", { "aria-label": "Speed", onchange: (e) => { speed = Number(e.target.value); } }, [0.5, 1, 2, 4, 8].map((v) => h("option", { value: v, selected: v === speed }, `× ${v}`)))),
      now,
      h("div", null, h("div", { class: "spread" }, h("h3", null, "Value"), h("span", { class: "muted hide-small" }, episode.origin ? `from ${episode.origin}` : episode.missing || "no value function knows this task yet")), value.svg, legend(kinds)),
      advantage && h("div", null, h("div", { class: "spread" }, h("h3", null, "Advantage"), h("span", { class: "muted" }, `threshold ε = ${significant(episode.threshold)}`)), advantage.svg));
  }

  return {
    id, toggle, by: (n) => seek(at + n),
    update(news) { ({ line } = news); episode.ratings = news.ratings; episode.stages = news.stages; },
    stop() { playing = false; clearTimeout(timer); },
    reset() { root = null; },
    node(close) {
      const facts = [["task", episode.instruction], ["policy", episode.policy ? `${episode.policy}, β = ${significant(episode.guidance)}` : "a person"], ["robot", line.robot], ["steps", `${line.steps} of at most ${episode.maximumSteps}`], ["stored", clock(line.storedAt)]];
      return h("div", { class: "card", "data-key": id },
        h("div", { class: "spread" }, h("h2", { style: { "overflow-wrap": "anywhere" } }, line.id), pill(line.outcome, outcomeWords(line.outcome) + (line.reason ? `: ${line.reason}` : ""))),
        h("button", { class: "link back", type: "button", onclick: close, style: { "margin-bottom": "8px" } }, "‹ all episodes"),
        h("div", { class: "now", style: { "margin-bottom": "12px" } }, facts.map(([name, value]) => h("span", null, `${name} `, h("b", null, value))), episode.stages?.length && h("span", null, "stages ", h("b", null, episode.stages.map((one) => `${one.name} ${one.isDone ? "✓" : "✗"}`).join(", ")))),
        judging(app, line, episode),
        h("div", { "data-keep": "", class: "stage-area", "data-key": `area-${id}` }));
    },
    drawn(main) {
      const area = main.querySelector(".stage-area");
      if (!area || (root === area && area.childNodes.length)) return;
      root = area;
      area.replaceChildren(make(Math.max(260, area.clientWidth)));
      draw();
    },
  };
}
