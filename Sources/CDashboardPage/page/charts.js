// Charts as SVG, drawn for the width that they get.
import { s, h, significant, known } from "./dom.js";

/** Round numbers that cover a stretch, about `wanted` of them. */
export function ticks(low, high, wanted = 4) {
  if (!(high > low)) return [low];
  const raw = (high - low) / wanted;
  const base = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * base).find((m) => m >= raw * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-6; k += 1) found.push(Number((k * step).toPrecision(12)));
  return found;
}

const scale = (from, to, low, high) => (value) => from + ((value - low) / (high - low || 1)) * (to - from);

/** A frame with axes: returns the SVG and the two scales. */
function frame({ width, height, x, y, label, left = 46, bottom = 24, top = 10, right = 10 }) {
  const px = scale(left, width - right, x.low, x.high);
  const py = scale(height - bottom, top, y.low, y.high);
  const svg = s("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  for (const value of y.ticks || ticks(y.low, y.high, Math.max(2, Math.round(height / 60)))) {
    svg.append(s("line", { class: "gridline", x1: left, x2: width - right, y1: py(value), y2: py(value) }),
      s("text", { x: left - 8, y: py(value) + 4, "text-anchor": "end" }, (y.format || significant)(value)));
  }
  svg.append(s("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }));
  for (const value of x.ticks || ticks(x.low, x.high, Math.max(2, Math.round(width / 110)))) {
    svg.append(s("text", { x: px(value), y: height - bottom + 16, "text-anchor": "middle" }, (x.format || significant)(value)));
  }
  if (x.label) svg.append(s("text", { x: width - right, y: height - 1, "text-anchor": "end" }, x.label));
  return { svg, px, py };
}

const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

function range(values, { from, to, pad = 0.06 } = {}) {
  const finite = values.filter(known);
  let low = Math.min(...finite, from ?? Infinity);
  let high = Math.max(...finite, to ?? -Infinity);
  if (!Number.isFinite(low)) [low, high] = [0, 1];
  if (high === low) { high += Math.abs(high) * 0.1 || 1; if (from === undefined) low -= Math.abs(low) * 0.1 || 0; }
  const margin = (high - low) * pad;
  return { low: from !== undefined && low >= from ? from : low - margin, high: to !== undefined && high <= to ? to : high + margin };
}

/** Points with whiskers over iterations; the first as a dashed line to compare with. */
export function iterations(width, points, { label, format, from = 0, to, colour = 0, height = 190 }) {
  const ks = points.map((p) => p.k);
  const y = range(points.flatMap((p) => [p.value - p.error, p.value + p.error]), { from, to });
  const x = { low: Math.min(...ks) - 0.35, high: Math.max(...ks, Math.min(...ks) + 1) + 0.35, ticks: ks, format: (k) => `k = ${k}` };
  const { svg, px, py } = frame({ width, height, x, y: { ...y, format }, label });
  const base = points[0];
  svg.append(s("line", { class: "zero", x1: px(x.low), x2: px(x.high), y1: py(base.value), y2: py(base.value) }));
  svg.append(s("path", { class: `line c${colour}`, d: path(points.map((p) => [px(p.k), py(p.value)])), fill: "none", style: { fill: "none" } }));
  for (const p of points) {
    const [cx, low, high] = [px(p.k), py(p.value - p.error), py(p.value + p.error)];
    svg.append(s("path", { class: `whisker c${colour}`, d: `M${cx} ${low}V${high}M${cx - 5} ${low}h10M${cx - 5} ${high}h10` }),
      s("circle", { class: `dot c${colour}`, cx, cy: py(p.value), r: 4.5 }, s("title", null, p.title)),
      s("text", { class: "strong", x: cx + 8, y: py(p.value) - 8 }, format(p.value)));
  }
  return svg;
}

/** Lines over steps. `series`: [{name, steps, values, colour}]. With a tip that follows the pointer. */
export function lines(width, series, { label, height = 170, format = significant, from, to, left } = {}) {
  const y = range(series.flatMap((line) => line.values), { from, to });
  const last = Math.max(1, ...series.flatMap((line) => line.steps));
  const box = { width, height, x: { low: 0, high: last, format: (v) => (v >= 10000 ? `${v / 1000}k` : String(v)) }, y: { ...y, format }, label, left };
  const { svg, px, py } = frame(box);
  for (const line of series) {
    const points = line.steps.map((step, i) => [px(step), py(line.values[i])]).filter(([, v]) => known(v));
    svg.append(s("path", { class: `line c${line.colour}`, d: path(points), style: { fill: "none" } }));
  }
  const tip = s("g", { visibility: "hidden" });
  svg.append(tip);
  svg.onpointermove = (event) => {
    const bounds = svg.getBoundingClientRect();
    const at = ((event.clientX - bounds.left) / bounds.width) * width;
    const step = Math.min(last, Math.max(0, ((at - px(0)) / (px(last) - px(0))) * last));
    const rows = series.filter((line) => line.steps.length).map((line) => {
      let best = 0;
      line.steps.forEach((value, i) => { if (Math.abs(value - step) < Math.abs(line.steps[best] - step)) best = i; });
      return [line, best];
    });
    if (!rows.length) return;
    const x = px(rows[0][0].steps[rows[0][1]]);
    const texts = [`step ${rows[0][0].steps[rows[0][1]]}`, ...rows.map(([line, i]) => `${series.length > 1 ? `${line.name} ` : ""}${format(line.values[i])}`)];
    const boxWidth = Math.max(...texts.map((t) => t.length)) * 6.4 + 14;
    const side = x + boxWidth + 10 > width ? x - boxWidth - 8 : x + 8;
    tip.setAttribute("visibility", "visible");
    tip.replaceChildren(s("line", { class: "guide", x1: x, x2: x, y1: 8, y2: height - 24 }),
      ...rows.map(([line, i]) => s("circle", { class: `dot c${line.colour}`, cx: px(line.steps[i]), cy: py(line.values[i]), r: 3.6 })),
      s("rect", { class: "tipbox", x: side, y: 8, width: boxWidth, height: texts.length * 15 + 8, rx: 5 }),
      ...texts.map((text, i) => s("text", { class: "tiplabel", x: side + 7, y: 23 + i * 15 }, text)));
  };
  svg.onpointerleave = () => tip.setAttribute("visibility", "hidden");
  return svg;
}

/** Counts between edges with a threshold at one of them. */
export function histogram(width, { edges, counts, thresholdEdge }, { label, height = 240 }) {
  const x = { low: edges[0], high: edges[edges.length - 1] };
  const y = { low: 0, high: Math.max(...counts) * 1.08, format: (v) => (v >= 1000 ? `${v / 1000}k` : String(v)) };
  const { svg, px, py } = frame({ width, height, x: { ...x, label: "" }, y, label });
  counts.forEach((value, i) => {
    if (!value) return;
    svg.append(s("rect", { class: i >= thresholdEdge ? "hist above" : "hist", x: px(edges[i]) + 0.5, width: Math.max(1, px(edges[i + 1]) - px(edges[i]) - 1), y: py(value), height: py(0) - py(value), rx: 1 },
      s("title", null, `${significant(edges[i])} … ${significant(edges[i + 1])}: ${value} steps`)));
  });
  const at = px(edges[thresholdEdge]);
  svg.append(s("line", { class: "threshold", x1: at, x2: at, y1: 6, y2: height - 24 }),
    s("text", { class: "strong", x: at > width - 90 ? at - 6 : at + 6, y: 16, "text-anchor": at > width - 90 ? "end" : "start" }, `ε = ${significant(edges[thresholdEdge])}`));
  return svg;
}

/** Mean return over V: on the diagonal a value function is right. */
export function calibration(width, bins, label) {
  const box = { width, height: 220, x: { low: -1, high: 0, label: "" }, y: { low: -1, high: 0 }, label };
  const { svg, px, py } = frame(box);
  svg.append(s("line", { class: "zero", x1: px(-1), y1: py(-1), x2: px(0), y2: py(0) }));
  const most = Math.max(...bins.map((b) => b.steps));
  svg.append(s("path", { class: "line c0", style: { fill: "none" }, d: path(bins.map((b) => [px(b.value), py(b.meanReturn)])) }));
  for (const b of bins) {
    svg.append(s("circle", { class: "dot c0", cx: px(b.value), cy: py(b.meanReturn), r: 3 + 5 * Math.sqrt(b.steps / most) },
      s("title", null, `V ${significant(b.value)}, mean return ${significant(b.meanReturn)}, ${b.steps} steps`)));
  }
  return svg;
}

/** V over an episode with its drops, corrections and labels; `seek(step)` when somebody points at it. */
export function valueChart(width, episode, seek) {
  const steps = episode.line.steps;
  const box = { width, height: 200, x: { low: 0, high: Math.max(1, steps - 1) }, y: { low: -1.03, high: 0.03, ticks: [-1, -0.75, -0.5, -0.25, 0], format: (v) => v.toFixed(2).replace("-", "−") }, label: "V over the episode", bottom: 30, left: 44 };
  const { svg, px, py } = frame(box);
  const floor = py(box.y.low);
  const band = (kind, first, last, y, height) => s("rect", { class: kind, x: px(Math.max(0, first - 0.5)), width: Math.max(1.5, px(last + 0.5) - px(Math.max(0, first - 0.5))), y, height });
  for (const [first, last] of episode.corrected) svg.append(band("shade", first, last, 10, floor - 10));
  for (const drop of episode.drops) svg.append(band("dropband", drop.start, drop.end, 10, floor - 10));
  for (const [first, last] of episode.positive || []) svg.append(band("strip", first, last, floor + 1.5, 4));
  if (episode.values) {
    svg.append(s("path", { class: "line c0", style: { fill: "none" }, d: path(episode.values.map((v, i) => [px(i), py(v)])) }));
    for (const drop of episode.drops) {
      svg.append(s("path", { class: "drop", d: path(episode.values.slice(drop.start, drop.end + 1).map((v, i) => [px(drop.start + i), py(v)])) }));
    }
  }
  if (known(episode.decidedAt)) {
    const x = px(episode.decidedAt);
    svg.append(s("line", { class: "guide", x1: x, x2: x, y1: 10, y2: floor }), s("text", { x: x + 4, y: floor - 6 }, "lost"));
  }
  const cursor = s("line", { class: "cursor", x1: px(0), x2: px(0), y1: 4, y2: floor + 6 });
  svg.append(cursor);
  pointing(svg, width, px, steps, seek);
  return { svg, move: (step) => { cursor.setAttribute("x1", px(step)); cursor.setAttribute("x2", px(step)); } };
}

/** A_t over an episode, with the threshold. */
export function advantageChart(width, episode, seek) {
  const steps = episode.line.steps;
  const y = range([...episode.advantages, episode.threshold, 0]);
  const { svg, px, py } = frame({ width, height: 120, x: { low: 0, high: Math.max(1, steps - 1) }, y, label: "advantage over the episode", left: 44 });
  svg.append(s("line", { class: "threshold", x1: px(0), x2: px(steps - 1), y1: py(episode.threshold), y2: py(episode.threshold) }, s("title", null, `threshold ε = ${significant(episode.threshold)}`)),
    s("path", { class: "line c5", style: { fill: "none" }, d: path(episode.advantages.map((v, i) => [px(i), py(v)])) }));
  const cursor = s("line", { class: "cursor", x1: px(0), x2: px(0), y1: 4, y2: 96 });
  svg.append(cursor);
  pointing(svg, width, px, steps, seek);
  return { svg, move: (step) => { cursor.setAttribute("x1", px(step)); cursor.setAttribute("x2", px(step)); } };
}

function pointing(svg, width, px, steps, seek) {
  const go = (event) => {
    const bounds = svg.getBoundingClientRect();
    const at = ((event.clientX - bounds.left) / bounds.width) * width;
    seek(Math.round(Math.min(steps - 1, Math.max(0, ((at - px(0)) / (px(steps - 1) - px(0) || 1)) * (steps - 1)))));
  };
  svg.onpointerdown = go;
  svg.onpointermove = (event) => { if (event.buttons) go(event); };
}

export const legend = (entries) =>
  h("div", { class: "legend" }, entries.map(([kind, text]) => h("span", null, h("span", { class: `swatch ${kind}` }), text)));
