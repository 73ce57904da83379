// The frame around the views: which one is shown, when its data is fetched again, and the keyboard.
import { h, s, show, patchChildren, percent, duration, clock, plural, count, pill, known } from "./dom.js";
import { runView, improvementView, learnersView, robotsView, labelsView, eventsView } from "./views.js";
import { episodesView } from "./episodes.js";

const icons = {
  run: "M4 6h6v5H4zM14 13h6v5h-6zM7 11v4.5h7", improvement: "M4 19V5M4 19h16M7 15l4-5 3 3 5-7", learners: "M4 18c4 0 5-12 8-12s4 8 8 8",
  robots: "M6 9h12v9H6zM12 9V5M9.5 13v1.5M14.500 13v1.5M3.500 12v3M20.500 12v3", episodes: "M4 5h16v14H4zM10 9.500v5l4.500-2.500z", labels: "M5 19V13M10 19V9M15 19V5M20 19V11", events: "M5 6h14M5 12h14M5 18h9",
};
const views = { run: ["Run", runView], improvement: ["Improvement", improvementView], learners: ["Learners", learnersView], robots: ["Robots", robotsView], episodes: ["Episodes", episodesView], labels: ["Labels", labelsView], events: ["Events", eventsView] };

// --- Data

const cache = new Map();

/** JSON at a path of this server; what has not changed is not sent again. */
async function get(path) {
  const known = cache.get(path);
  const response = await fetch(path, { headers: known?.tag ? { "If-None-Match": known.tag } : {}, cache: "no-store" });
  if (response.status === 304) return known.data;
  const data = await response.json().catch(() => ({ error: response.statusText }));
  if (response.status === 401 && !path.startsWith("api/session")) signIn("This page needs the token.", refresh);
  if (!response.ok) throw new Error(data.error || response.statusText);
  if (cache.size > 60) cache.delete(cache.keys().next().value);
  cache.set(path, { tag: response.headers.get("ETag"), data });
  return data;
}

async function post(path, body) {
  const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const data = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(data.error || response.statusText), { status: response.status });
  return data;
}

// --- State

const state = { view: "run", params: new URLSearchParams(), session: {}, stamp: null };
const app = {
  get, post, state,
  /** Goes to another view, or changes this one's parameters. */
  go(view, params = {}) {
    const text = new URLSearchParams(Object.entries(params).filter(([, v]) => v !== undefined && v !== null && v !== "")).toString();
    location.hash = `#/${view}${text ? `?${text}` : ""}`;
  },
  set(changes) { app.go(state.view, { ...Object.fromEntries(state.params), ...changes }); },
  act, toast, redraw,
};

const main = document.getElementById("main");
let current = null;
let data = null;
let busy = false;
let wanted = false;

function route() {
  const [name, query] = location.hash.replace(/^#\/?/, "").split("?");
  const view = views[name] ? name : "run";
  const changed = view !== state.view || !current;
  Object.assign(state, { view, params: new URLSearchParams(query || "") });
  if (changed) {
    current?.leave?.();
    current = views[view][1](app);
    data = null;
    main.replaceChildren(h("p", { class: "loading" }, "Loading…"));
    window.scrollTo(0, 0);
  }
  document.title = `${views[view][0]} – recap`;
  drawNav();
  refresh();
}

/** Fetches what the view shows, and shows it. One at a time; a wish that comes meanwhile is kept. */
async function refresh() {
  if (busy) { wanted = true; return; }
  busy = true;
  const view = current;
  try {
    const [run, next] = await Promise.all([get("api/run"), view.load(state.params)]);
    if (view === current) {
      [state.run, data] = [run, next];
      offline(false);
      redraw();
    }
  } catch (error) {
    if (view === current && !data) show(main, h("div", { class: "error", role: "alert" }, `${views[state.view][0]}: ${error.message}`));
    if (error instanceof TypeError) offline(true); else if (data) toast(error.message);
  }
  busy = false;
  if (wanted) { wanted = false; refresh(); }
}

function redraw() {
  if (!data) return;
  drawTop();
  drawNav();
  patchChildren(main, [h("h2", { class: "skip" }, views[state.view][0]), ...[current.render(data, state)].flat()]);
  current.drawn?.(main);
}

// --- News from the server

let source = null;
function listen() {
  source?.close();
  source = new EventSource("api/live");
  let pause = null;
  source.addEventListener("stamp", (event) => {
    const stamp = JSON.parse(event.data);
    const last = state.stamp;
    state.stamp = stamp;
    offline(false);
    // A view says how often it wants to be fetched again at most.
    if (last && !pause && !document.hidden && (current.wants?.(last, stamp) ?? true)) {
      pause = setTimeout(() => { pause = null; }, current.pace ?? 1000);
      refresh();
    }
  });
  source.onerror = () => offline(true);
}
document.addEventListener("visibilitychange", () => { if (document.hidden) { source?.close(); source = null; } else { listen(); refresh(); } });
// Ages and estimates grow older by themselves.
setInterval(() => { if (!document.hidden && state.run?.state === "running") redraw(); }, 5000);

let lost = false;
function offline(is) {
  if (is === lost) return;
  lost = is;
  document.querySelector(".stale")?.remove();
  if (is) document.body.append(h("div", { class: "stale", role: "status" }, "No answer from the run; trying again…"));
  else refresh();
}

// --- The frame

const words = { running: "running", stopped: "stopped", finished: "finished", failed: "failed" };
function drawTop() {
  const run = state.run;
  show(document.getElementById("top"),
    h("h1", null, run.name), pill(run.state, words[run.state]),
    h("div", { class: "facts" },
      h("span", null, h("b", null, percent(run.jobsDone / Math.max(run.jobs, 1), 0)), " of the jobs"),
      h("span", null, h("b", null, count(run.episodes)), " episodes"),
      run.state === "running" && known(run.remainingSeconds) && h("span", null, "about ", h("b", null, duration(run.remainingSeconds)), " left"),
      run.state === "running" && !run.isLive && h("span", null, "without heartbeats: read from its directory")));
}

function drawNav() {
  const alerts = state.run?.alerts || [];
  const worst = alerts.some((a) => a.severity === "error") ? "" : "warning";
  show(document.getElementById("nav"),
    h("div", { class: "brand" }, h("img", { src: "page/icon.svg", alt: "" }), "recap"),
    Object.entries(views).map(([name, [title]]) =>
      h("a", { href: `#/${name}`, "aria-current": name === state.view ? "page" : null },
        s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: icons[name] })), h("span", { class: "long" }, title), h("span", { class: "short", "aria-hidden": "true" }, title === "Improvement" ? "Improve" : title),
        name === "events" && alerts.length > 0 && h("span", { class: `badge ${worst}`, "aria-label": plural(alerts.length, "alert") }, alerts.length))),
    h("div", { class: "foot" },
      state.session.actions && !state.session.signed && h("button", { class: "link", onclick: () => signIn("Enter the token to act.", () => {}) }, "Sign in to act"),
      state.session.signed && h("span", null, "Signed in"),
      h("span", null, h("kbd", null, "?"), " keyboard"), state.run && h("span", null, `run ${state.run.id}`), state.run && h("span", null, `began ${clock(state.run.created)}`)));
}

function toast(text) {
  const note = h("p", null, text);
  document.getElementById("toast").append(note);
  setTimeout(() => note.remove(), 5000);
}

function dialog(title, ...children) {
  const box = h("dialog", { "aria-label": title }, h("h2", null, title), ...children);
  box.onclose = () => box.remove();
  document.body.append(box);
  box.showModal();
  return box;
}

function signIn(reason, then) {
  if (document.querySelector("dialog")) return;
  const token = h("input", { type: "password", autocomplete: "current-password", "aria-label": "Token", required: true });
  const fault = h("p", { class: "muted" }, reason);
  const form = h("form", { method: "dialog" }, fault, token, h("div", { class: "row" }, h("button", { class: "plain", type: "button", onclick: () => box.close() }, "Cancel"), h("button", { class: "plain", type: "submit" }, "Sign in")));
  form.onsubmit = async (event) => {
    event.preventDefault();
    try {
      await post("api/session", { token: token.value.trim() });
      state.session = await get("api/session");
      box.close();
      listen();
      then();
    } catch (error) { fault.textContent = error.message; }
  };
  const box = dialog("Token", form);
}

/** Does what somebody asked for, after asking for the token where it is needed. */
async function act(path, body, done) {
  const by = localStorage.getItem("recap-name") || prompt("Your name, for the record:") || "";
  if (by) localStorage.setItem("recap-name", by);
  try {
    await post(path, { ...body, by });
    toast(done);
    refresh();
  } catch (error) {
    if (error.status === 401) signIn("Actions need the token.", () => act(path, body, done));
    else toast(error.message);
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT|TEXTAREA/.test(event.target.nodeName) && event.target.type !== "range") return;
  const names = Object.keys(views);
  if (/^[1-7]$/.test(event.key)) app.go(names[event.key - 1]);
  else if (event.key === "?") dialog("Keyboard", h("table", null, h("tbody", null, [["1 … 7", "the views"], ["j  k", "next, previous episode"], ["space", "play or pause"], ["← →", "a step back, on"], ["Tab, Enter", "everything else"]].map(([keys, what]) => h("tr", null, h("td", null, h("kbd", null, keys)), h("td", null, what))))), h("div", { class: "row" }, h("button", { class: "plain", onclick: (e) => e.target.closest("dialog").close() }, "Close")));
  else if (!current.key?.(event)) return;
  event.preventDefault();
});

let resizing = null;
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth === width) return; width = innerWidth; clearTimeout(resizing); resizing = setTimeout(() => { current?.resized?.(); redraw(); }, 120); });
addEventListener("hashchange", route);
get("api/session").then((session) => { state.session = session; drawNav(); }).catch(() => {});
route();
listen();
