// All views but the episodes'. A view has load(params), which fetches, and render(data, state), which draws.
import { h, empty, pill, percent, fixed, count, duration, significant, clock, plural, place, known, dash, ago } from "./dom.js";
import { iterations, lines, histogram, calibration, legend } from "./charts.js";

/** The width that a chart in one of `columns` cards has. */
function chartWidth(least, padding = 38) {
  const main = document.getElementById("main");
  const style = getComputedStyle(main);
  const room = main.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const columns = Math.max(1, Math.floor((room + 14) / (least + 14)));
  return (filled = columns) => Math.max(240, Math.floor((room + 14) / Math.min(columns, Math.max(filled, 1)) - 14 - padding));
}

const segments = (label, choices, chosen, pick) =>
  h("div", { class: "segments", role: "group", "aria-label": label },
    choices.map(([value, text]) => h("button", { type: "button", "aria-pressed": String(value === chosen), onclick: () => pick(value) }, text)));

const alertList = (alerts) => alerts.length > 0 && h("div", { class: "alerts", role: "list" },
  alerts.map((a) => h("div", { class: `alert ${a.severity}`, role: "listitem" }, h("b", null, a.severity === "error" ? "Error" : "Warning"), h("span", null, a.text))));

// --- Run

const stageNames = { demonstrations: "Demonstrations", autonomous: "Practice alone", corrected: "With a person", evaluation: "Evaluation", value: "Value function", labels: "Labels", policy: "Policy" };
const columns = [["demonstrations", "autonomous", "corrected"], ["value"], ["labels"], ["policy"], ["evaluation"]];

function stageBox(stage, run, success) {
  // Beside each other demonstrations are told apart by their tasks.
  const own = stage.kind === "demonstrations" && run.tasks.length > 1;
  const unit = own ? "demonstration" : "episode";
  const detail = {
    done: [known(stage.episodes) && plural(stage.episodes, unit), known(stage.seconds) && duration(stage.seconds)],
    running: [known(stage.episodes) && `${count(stage.episodesDone)} of ${count(stage.episodes)}`, known(stage.remainingSeconds) && `${duration(stage.remainingSeconds)} left`],
    ready: [known(stage.episodes) && `${count(stage.episodesDone)} of ${count(stage.episodes)}`, "ready"], waiting: [known(stage.episodes) && plural(stage.episodes, unit)], failed: [stage.reason || "failed"],
  }[stage.state].filter(Boolean).join(" · ");
  const mark = success ?? { done: "✓", running: percent(stage.progress, 0), ready: "", waiting: "", failed: "failed" }[stage.state];
  return h("div", { class: `stage ${stage.state}`, "data-key": stage.stage, style: { "--share": stage.state === "done" ? 1 : stage.progress }, title: `${stage.stage}: ${stage.state}${stage.workers.length ? `, on ${stage.workers.join(", ")}` : ""}` },
    h("div", { class: "name" }, h("span", null, own ? stage.task : stageNames[stage.kind]), h("em", null, mark)),
    detail && h("small", null, detail), stage.retries > 0 && h("small", { class: "again", title: stage.reason }, `given out again ${stage.retries === 1 ? "once" : `${stage.retries} times`}`));
}

export function runView(app) {
  return {
    load: async () => ({ run: await app.get("api/run"), improvement: await app.get("api/improvement") }),
    render({ run, improvement }) {
      const success = new Map(improvement.tasks.flatMap((t) => t.iterations.map((i) => [`${t.task}/${i.k}`, percent(i.successRate, 0)])));
      const rows = [];
      const add = (task, iteration, title, stages) => { if (stages.length) rows.push({ task, iteration, title, stages }); };
      add(null, null, "all tasks", run.stages.filter((stage) => !known(stage.iteration)));
      for (const task of run.tasks) for (let k = 0; k <= run.iterations; k += 1) add(task, k, `k = ${k}`, run.stages.filter((stage) => stage.task === task && stage.iteration === k));
      const groups = [{ title: "Pre-training", rows: rows.filter((r) => !r.task) }, ...run.tasks.map((task) => ({ title: task, rows: rows.filter((r) => r.task === task) }))].filter((g) => g.rows.length);
      const robots = run.workers.find((w) => w.role === "collector");
      const learners = run.workers.filter((w) => w.role !== "collector").reduce((sum, w) => ({ here: sum.here + w.here, working: sum.working + w.working, paused: 0 }), { here: 0, working: 0 });
      const people = [[robots, "robot"], [learners, "learner"]];
      const end = known(run.remainingSeconds) ? new Date(Date.now() + run.remainingSeconds * 1000) : null;
      return [h("div", { class: "stack" },
        alertList(run.alerts),
        h("section", { class: "card", "aria-label": "Progress" },
          h("div", { class: "summary" },
            h("div", { class: "figure" }, h("b", null, `${count(run.jobsDone)} of ${count(run.jobs)}`), h("span", null, "jobs done")),
            h("div", { class: "figure" }, h("b", null, duration(run.elapsedSeconds)), h("span", null, run.state === "running" ? "so far" : "from first to last event")),
            run.state === "running" && h("div", { class: "figure" }, h("b", null, known(run.remainingSeconds) ? duration(run.remainingSeconds) : dash), h("span", null, end ? `left, until about ${clock(end / 1000)}` : "left: not yet known")),
            h("div", { class: "figure" }, h("b", null, count(run.episodes)), h("span", null, "episodes")),
            improvement.tasks.map((t) => h("div", { class: "figure" }, h("b", null, percent(t.iterations[t.iterations.length - 1].successRate, 0)), h("span", null, `${t.task}, k = ${t.iterations[t.iterations.length - 1].k}`))),
            people.filter(([w]) => w.here).map(([w, name]) => h("div", { class: "figure" }, h("b", null, run.state === "running" ? `${w.working} of ${w.here}` : w.here), h("span", null, `${name}${w.here === 1 ? "" : "s"}${run.state === "running" ? " at work" : ""}${w.paused ? `, ${w.paused} paused` : ""}`)))),
          h("div", { class: run.state === "finished" ? "bar done" : "bar", style: { "--share": `${(100 * run.jobsDone) / Math.max(run.jobs, 1)}%`, "margin-top": "14px" }, role: "progressbar", "aria-valuenow": Math.round((100 * run.jobsDone) / Math.max(run.jobs, 1)), "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": "Jobs done" }, h("i"))),
        groups.map((group) => h("section", { class: "card", "aria-label": group.title, "data-key": group.title },
          h("div", { class: "spread" }, h("h2", null, group.title)),
          h("div", { class: "plan" },
            group.rows.map((row) => [h("div", { class: "k" }, row.title), columns.map((kinds, index) => {
              const found = row.stages.filter((stage) => kinds.includes(stage.kind));
              const later = row.stages.some((stage) => columns.slice(index + 1).flat().includes(stage.kind));
              return h("div", { class: `cell ${found.length ? "" : "void"} ${found.length && later ? "flow" : ""}` }, found.map((stage) => stageBox(stage, run, stage.kind === "evaluation" && stage.state === "done" ? success.get(`${row.task}/${row.iteration}`) : undefined)));
            })])))),
        h("div", { class: "legend", "aria-hidden": "true" }, ["done", "running", "ready", "waiting", "failed"].map((name) => h("span", null, h("i", { class: name }), { done: "done", running: "running", ready: "a worker may take it", waiting: "needs others first", failed: "failed" }[name]))))];
    },
  };
}

// --- Improvement

export function improvementView(app) {
  return {
    pace: 2000,
    wants: (last, now) => last.episodes !== now.episodes || last.plan !== now.plan,
    load: () => app.get("api/improvement"),
    render(report) {
      if (!report.tasks.length) return empty("Nothing has been evaluated yet", "The first evaluation comes after imitation (k = 0): fresh starts, nobody helps, never trained on. Success and throughput appear here then, with their standard errors.");
      const width = chartWidth(380)(2);
      return [h("div", { class: "stack" },
        h("p", { class: "muted" }, "From evaluation episodes alone: fresh seeds, nobody helps, never trained on. Whiskers are one standard error; the dashed line is the policy after imitation, k = 0."),
        report.unjudged && h("p", { class: "muted" }, `${count(report.unjudged)} evaluation ${report.unjudged === 1 ? "episode is" : "episodes are"} not judged and counted nowhere: filter the episodes by "not judged".`),
        report.tasks.map((task) => {
          const stages = [...new Set(task.iterations.flatMap((i) => (i.stages ?? []).map((one) => one.name)))];
          const done = (i, name) => { const one = i.stages?.find((each) => each.name === name); return one ? percent(one.rate) + (one.episodes === i.episodes ? "" : ` of ${one.episodes}`) : dash; };
          const points = (value, error, words) => task.iterations.map((i) => ({ k: i.k, value: i[value], error: i[error], title: `k = ${i.k}: ${words(i)}` }));
          return h("section", { class: "card", "data-key": task.task, "aria-label": task.task },
            h("div", { class: "spread" }, h("h2", null, task.task), gain(task)),
            h("div", { class: "grid two" },
              h("div", null, h("h3", { class: "muted" }, "Success"), iterations(width - 10, points("successRate", "successRateStandardError", (i) => `${percent(i.successRate)} ± ${percent(i.successRateStandardError)}`), { label: `Success of ${task.task}`, format: (v) => percent(v, 0), from: 0, to: 1 })),
              h("div", null, h("h3", { class: "muted" }, "Successes per robot-hour"), iterations(width - 10, points("throughputPerHour", "throughputStandardError", (i) => `${fixed(i.throughputPerHour)} ± ${fixed(i.throughputStandardError)} an hour`), { label: `Throughput of ${task.task}`, format: (v) => fixed(v, 0), from: 0, colour: 2 }))),
            h("div", { class: "scroll" }, h("table", null,
              h("thead", null, h("tr", null, ["k", "episodes", "success", "per hour", "positive", "intervened", ...stages].map((t) => h("th", { class: "number" }, t)))),
              h("tbody", null, task.iterations.map((i) => h("tr", null,
                [i.k, count(i.episodes), `${percent(i.successRate)} ± ${fixed(100 * i.successRateStandardError)}`, `${fixed(i.throughputPerHour)} ± ${fixed(i.throughputStandardError)}`, percent(i.positiveShare), percent(i.interventionShare), ...stages.map((name) => done(i, name))].map((t) => h("td", { class: "number nowrap" }, t))))))));
        }))];
    },
  };
}

function gain(task) {
  const [first, last] = [task.iterations[0], task.iterations[task.iterations.length - 1]];
  if (first === last) return h("span", { class: "muted" }, "one evaluation so far");
  return h("span", { class: "muted" }, `from ${percent(first.successRate, 0)} to ${percent(last.successRate, 0)} success, throughput × ${fixed(last.throughputPerHour / (first.throughputPerHour || NaN), 2)}`);
}

// --- Learners

const lossNames = ["loss", "value loss", "caption loss", "flow loss", "action loss", "subtask loss"];

export function learnersView(app) {
  return {
    pace: 2000,
    async load(params) {
      const all = await app.get("api/learners");
      const begun = all.trainings.filter((t) => t.state === "running" || t.state === "done");
      const chosen = all.trainings.find((t) => t.job === params.get("job")) || begun.find((t) => t.state === "running") || begun[begun.length - 1];
      const curves = chosen && (chosen.state === "running" || chosen.state === "done") ? await app.get(`api/curves?job=${encodeURIComponent(chosen.job)}`) : {};
      let quality = null;
      if (chosen?.kind === "value" && chosen.state === "done") {
        const sets = await app.get("api/labels");
        const set = sets.find((one) => one.job === chosen.job.replace(/value$/, "labels"));
        if (set) quality = await Promise.all(Object.keys(set.tasks).sort().map((task) => app.get(`api/labels/quality?task=${encodeURIComponent(task)}&job=${encodeURIComponent(set.job)}`)));
      }
      return { all, chosen, curves, quality };
    },
    render({ all, chosen, curves, quality }) {
      if (!all.trainings.length) return empty("Nothing to learn", "This run's plan holds no training.");
      const width = chartWidth(380);
      const half = width(2);
      const losses = lossNames.filter((name) => curves[name]?.steps.length);
      const others = Object.keys(curves).filter((name) => !lossNames.includes(name) && curves[name].steps.length > 0).sort();
      const chart = (title, names, options = {}) => h("div", { class: "card", "data-key": title }, h("div", { class: "spread" }, h("h3", null, title), names.length > 1 && legend(names.map((name, i) => [`c${i % 6}`, name]))),
        lines(half, names.map((name, i) => ({ name, colour: i % 6, ...curves[name] })), { label: title, ...options }));
      return [h("div", { class: "stack" },
        all.learners.length > 0 && h("div", { class: "row" }, all.learners.map((learner) => h("span", { class: "card", style: { padding: "7px 13px" } }, h("b", null, learner.name), " ", h("span", { class: "muted" }, learner.job ? `works on ${learner.job}` : "waits", known(learner.waitingShare) ? ` · waited ${percent(learner.waitingShare, 0)} of its time` : "")))),
        chosen ? h("section", null,
          h("div", { class: "spread", style: { "margin-bottom": "10px" } }, h("h2", null, chosen.job, " ", pill(chosen.state)), h("span", { class: "muted" }, [
            `${count(chosen.done)} of ${count(chosen.total)} steps`, known(chosen.samplesPerSecond) && `${count(chosen.samplesPerSecond)} samples/s`, known(chosen.remainingSeconds) && chosen.state === "running" && `${duration(chosen.remainingSeconds)} left`].filter(Boolean).join(" · "))),
          losses.length + others.length ? h("div", { class: "grid pair" }, losses.length > 0 && chart("Loss", losses), others.map((name) => chart(name[0].toUpperCase() + name.slice(1), [name], { from: 0 })))
            : empty("No curve yet", chosen.state === "done" ? "This training was too short to report while it went on, or its result came from another run." : "Learners report about twice a second once they train.")) : empty("No training has begun", "Curves of losses, gradient norm, learning rate and speed appear as soon as a learner trains."),
        quality && h("section", null, h("h2", { style: { margin: "6px 0 10px" } }, "How well it knows returns"), h("div", { class: "grid pair" }, quality.map((one) => h("div", { class: "card" },
          h("div", { class: "spread" }, h("h3", null, one.task), h("span", { class: one.explained < 0 ? "alert error" : "muted" }, `R² = ${fixed(one.explained, 2)} over ${count(one.steps)} labelled steps`)),
          calibration(half, one.bins, `Calibration for ${one.task}`), h("p", { class: "muted" }, "Mean return over V: on the dashed line V is right on average."))))),
        h("section", { class: "card" }, h("div", { class: "spread" }, h("h2", null, "Trainings")), h("div", { class: "scroll" }, h("table", null,
          h("thead", null, h("tr", null, h("th", null, "job"), h("th", null, "state"), ["steps", "loss", "gradient norm", "samples/s", "time"].map((t) => h("th", { class: "number" }, t)))),
          h("tbody", null, all.trainings.map((t) => h("tr", { tabindex: 0, "data-key": t.job, "aria-selected": String(t.job === chosen?.job), onclick: () => app.set({ job: t.job }), onkeydown: (e) => { if (e.key === "Enter") app.set({ job: t.job }); } },
            h("td", { class: "nowrap" }, t.job), h("td", null, pill(t.state)),
            [t.state === "running" ? `${count(t.done)} of ${count(t.total)}` : count(t.total), significant(t.metrics.loss), significant(t.metrics["gradient norm"]), count(t.samplesPerSecond), duration(t.seconds)].map((x) => h("td", { class: "number nowrap" }, x)))))))))];
    },
  };
}

// --- Robots

const robotStates = { silent: "silent", demonstrating: "demonstrating", practising: "practising", corrected: "with a person", evaluating: "evaluating", waiting: "waiting", paused: "paused", away: "away" };

export function robotsView(app) {
  let shown = 120;
  return {
    load: () => app.get("api/robots"),
    render(robots, { params, session, run }) {
      if (!robots.length) return empty("No robot has joined yet", "A robot joins with 'recap collector --connect ENDPOINT --name NAME', or is started by 'recap run' itself. It appears here as soon as it says hello.");
      const counts = new Map();
      for (const robot of robots) counts.set(robot.state, (counts.get(robot.state) || 0) + 1);
      const state = params.get("state") || "";
      const text = (params.get("name") || "").toLowerCase();
      const found = robots.filter((r) => (!state || r.state === state) && r.name.toLowerCase().includes(text));
      return [h("div", { class: "stack" },
        h("div", { class: "row" },
          segments("State", [["", `all ${robots.length}`], ...Object.keys(robotStates).filter((name) => counts.get(name)).map((name) => [name, `${robotStates[name]} ${counts.get(name)}`])], state, (value) => app.set({ state: value })),
          robots.length > 12 && h("input", { type: "search", placeholder: "Name", "aria-label": "Filter by name", value: params.get("name") || "", oninput: (e) => app.set({ name: e.target.value }) })),
        found.length ? h("div", { class: "robots" }, found.slice(0, shown).map((r) => robotCard(r, app, session, run))) : empty("No robot matches", "Choose another state or name."),
        found.length > shown && h("button", { class: "plain", onclick: () => { shown += 240; app.redraw(); } }, `Show more of ${found.length}`))];
    },
  };
}

function robotCard(r, app, session, run) {
  const rows = [
    ["task", r.task || dash],
    ["policy", r.policy ? `${r.policy.replace(/\/policy$/, "").replace("/", " k = ")}${r.policyLag ? `, ${r.policyLag} behind` : ""}` : "a person"],
    known(r.silentSeconds) ? ["last heard", r.silentSeconds < 2 ? "now" : `${duration(r.silentSeconds)} ago`] : ["last episode", ago(r.lastEpisode)],
    ["episodes", count(r.episodes)], ["success", percent(r.successRate, 0)], ["corrected steps", percent(r.interventionShare)],
    ["late chunks", r.vitals ? h("span", { title: `${count(r.vitals.chunks)} chunks since it started; told to hold ${count(r.vitals.holds)} times; ${count(r.vitals.limitedActions)} actions limited` }, count(r.vitals.lateChunks)) : dash],
    ["spool", r.vitals ? h("span", { title: "episodes that wait for the archive's acknowledgement" }, count(r.vitals.spooledEpisodes)) : dash],
    ["link", r.vitals && known(r.vitals.roundTripSeconds) ? h("span", { title: `what its last heartbeat took; ${count(r.vitals.unansweredHeartbeats)} got no answer since it started` }, `${Math.max(1, Math.round(r.vitals.roundTripSeconds * 1000))} ms${r.vitals.unansweredHeartbeats ? `, ${count(r.vitals.unansweredHeartbeats)} lost` : ""}`) : dash],
  ];
  return h("article", { class: `card robot ${r.state}`, "data-key": r.name, "aria-label": r.name },
    h("div", { class: "spread", style: { margin: 0 } }, h("h3", null, r.name), h("span", { class: "row", style: { gap: "4px" } }, r.isPaused && r.state !== "paused" && pill("paused", "pausing"), pill(r.state, robotStates[r.state]))),
    h("div", { class: "bar", style: { "--share": `${known(r.total) && r.total ? (100 * r.done) / r.total : 0}%` }, title: r.job ? `${r.job}: ${r.done ?? 0} of ${r.total ?? "?"} episodes` : "no job" }, h("i")),
    h("dl", null, rows.map(([name, value]) => [h("dt", null, name), h("dd", null, value)])),
    session.actions && run.state === "running" && r.state !== "away" && h("footer", { class: "row" }, h("button", { class: "link", onclick: () => app.act("api/robots/pause", { robot: r.name, paused: !r.isPaused }, r.isPaused ? `${r.name} goes on` : `${r.name} pauses after its episode`) }, r.isPaused ? "Resume" : "Pause"),
      h("button", { class: "link", onclick: () => confirm(`Remove ${r.name}? Its key and its name are let in no more until it is invited again.`) && app.act("api/robots/remove", { robot: r.name }, `${r.name} is removed`) }, "Remove")));
}

// --- Labels

export function labelsView(app) {
  let wish = null;
  return {
    pace: 4000,
    wants: (last, now) => last.plan !== now.plan,
    async load(params) {
      const sets = await app.get("api/labels");
      const tasks = [...new Set(sets.flatMap((set) => Object.keys(set.tasks)))].sort();
      if (!tasks.length) return { sets, tasks };
      const task = tasks.includes(params.get("task")) ? params.get("task") : tasks[0];
      const own = sets.filter((set) => set.tasks[task]);
      const set = own.find((one) => one.job === params.get("set")) || own[own.length - 1];
      const query = new URLSearchParams({ task, job: set.job });
      for (const name of ["share", "lookahead"]) if (params.get(name)) query.set(name, params.get(name));
      return { sets, tasks, task, own, set, preview: await app.get(`api/labels/preview?${query}`) };
    },
    render({ tasks, task, own, set, preview }, { params }) {
      if (!tasks.length) return empty("No labels yet", "The first label set comes after pre-training's value function: it says of every step whether its action was better than usual.");
      const width = chartWidth(900)();
      const stored = set.tasks[task];
      const share = wish ?? (params.get("share") ? Number(params.get("share")) : stored.requestedPositiveShare);
      const summary = preview.summary;
      const changed = params.get("share") || params.get("lookahead");
      return [h("div", { class: "stack" },
        h("div", { class: "row" },
          segments("Task", tasks.map((name) => [name, name]), task, (value) => app.go("labels", { task: value })),
          h("select", { "aria-label": "Label set", onchange: (e) => app.set({ set: e.target.value, share: "", lookahead: "" }) }, own.map((one) => h("option", { value: one.job, selected: one === set }, one.job)))),
        h("section", { class: "card" },
          h("div", { class: "spread" }, h("h2", null, "Advantages"), h("span", { class: "muted" }, `${count(summary.steps)} steps · V from ${set.job}`)),
          histogram(width, preview.histogram, { label: `Advantages of ${task}` }),
          legend([["block c2", "above ε: better than usual"], ["block c5", "not above"]])),
        h("div", { class: "grid two" },
          h("section", { class: "card" },
            h("div", { class: "spread" }, h("h2", null, "What if"), changed ? h("button", { class: "link", onclick: () => { wish = null; app.set({ share: "", lookahead: "" }); } }, "as it is") : h("span", { class: "muted" }, "as it is")),
            h("div", { class: "stack" },
              h("label", { class: "field" }, h("span", { class: "spread" }, "share p of positive labels", h("b", null, percent(share, 0))),
                h("input", { type: "range", min: 1, max: 99, value: Math.round(share * 100), oninput: (e) => { wish = e.target.value / 100; e.target.closest("label").querySelector("b").textContent = percent(wish, 0); }, onchange: (e) => { wish = null; app.set({ share: (e.target.value / 100).toFixed(2) }); } })),
              h("label", { class: "field" }, "lookahead N", h("select", { onchange: (e) => app.set({ lookahead: e.target.value }) },
                [["", `as labelled (${set.lookahead ? `${set.lookahead} steps` : "to the end"})`], ["5", "5 steps"], ["10", "10 steps"], ["20", "20 steps"], ["50", "50 steps"], ["100", "100 steps"], ["end", "to the episode's end"]].map(([value, text]) => h("option", { value, selected: value === (params.get("lookahead") || "") }, text)))),
              h("p", { class: "muted" }, "Nothing is stored: settings for a run are ", h("code", null, "positiveShare"), " and ", h("code", null, "method.lookahead"), "."))),
          h("section", { class: "card" }, h("div", { class: "spread" }, h("h2", null, "Positive by source")), h("table", null,
            h("thead", null, h("tr", null, h("th", null, "source"), ["steps", "stored", "what if"].slice(0, changed ? 3 : 2).map((t) => h("th", { class: "number" }, t)))),
            h("tbody", null, Object.keys(preview.stepsBySource).sort().map((source) => h("tr", null, h("td", null, source), h("td", { class: "number" }, count(preview.stepsBySource[source])), h("td", { class: "number" }, percent(stored.positiveShareBySource[source])), changed && h("td", { class: "number" }, percent(summary.positiveShareBySource[source])))),
              h("tr", null, h("td", null, h("b", null, "all")), h("td", { class: "number" }, count(summary.steps)), h("td", { class: "number" }, h("b", null, percent(stored.positiveShare))), changed && h("td", { class: "number" }, h("b", null, percent(summary.positiveShare)))),
              h("tr", null, h("td", null, "threshold ε"), h("td"), h("td", { class: "number" }, significant(stored.threshold)), changed && h("td", { class: "number" }, significant(summary.threshold))))),
            h("p", { class: "muted", style: { "margin-top": "10px" } }, "'correction' are steps that a person corrected: positive by definition."))))];
    },
  };
}

// --- Events

const eventGroups = { "": [null, "all"], problems: ["retried,failed,left,restarted", "problems"], workers: ["joined,left,paused,resumed,invited,removed", "workers"], jobs: ["done,retried,failed,adopted,rolledBack", "jobs"], people: ["judged,paused,resumed,invited,removed,rolledBack", "people"] };

export function eventsView(app) {
  let older = [];
  return {
    async load(params) {
      older = [];
      const kinds = eventGroups[params.get("show") || ""]?.[0];
      return app.get(`api/events${kinds ? `?kinds=${kinds}` : ""}`);
    },
    wants: (last, now) => last.plan !== now.plan,
    render({ incidents, alerts }, { params }) {
      const chosen = params.get("show") || "";
      const all = [...incidents, ...older];
      const more = async () => {
        const kinds = eventGroups[chosen]?.[0];
        const next = await app.get(`api/events?before=${all[all.length - 1].id}${kinds ? `&kinds=${kinds}` : ""}`);
        older = [...older, ...next.incidents];
        app.redraw();
      };
      return [h("div", { class: "stack" },
        alertList(alerts) || h("p", { class: "muted" }, "No alert is open."),
        segments("Which events", Object.entries(eventGroups).map(([value, [, text]]) => [value, text]), chosen, (value) => app.set({ show: value })),
        all.length ? h("section", { class: "card" }, h("ol", { class: "log" }, all.map((e) => h("li", { "data-key": String(e.id) }, h("time", { datetime: new Date(e.time * 1000).toISOString() }, clock(e.time)), h("span", null, pill(e.kind)), h("span", null, e.text))))) : empty("Nothing of this kind has happened", "Joins, losses, finished and repeated jobs, restarts and actions are listed here as they happen."),
        all.length >= 200 && all[all.length - 1].id > 1 && h("button", { class: "plain", onclick: more }, "Show older"))];
    },
  };
}
