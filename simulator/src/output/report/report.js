"use strict";
// Draws the charts of the report from the JSON in the page. Everything else on the page is plain HTML.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 560px)");
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const series = (index) => style("series-" + (index % 6 + 1));
  const dashes = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
  // Plotly takes some markup in texts; names are no markup.
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  const clock = [[600, 1, "s"], [3 * 3600, 60, "min"], [4 * 86400, 3600, "h"], [Infinity, 86400, "d"]]
    .find(([most]) => data.end <= most);
  const timeUnit = { s: "seconds", min: "minutes", h: "hours", d: "days" }[clock[2]];
  // The last value holds to the end of the run.
  const times = (t) => t.concat(data.end).map((second) => second / clock[1]);
  const held = (values) => values.concat(values[values.length - 1]);

  const configuration = {
    responsive: true, displaylogo: false, displayModeBar: false, scrollZoom: false,
  };

  function layout(unit, more) {
    const small = narrow.matches || (more && more.small);
    const axis = { gridcolor: style("line"), zerolinecolor: style("line"), linecolor: style("line"), automargin: true, fixedrange: small };
    const result = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif", size: small ? 11 : 12.5, color: style("ink") },
      margin: { l: 8, r: 10, t: 8, b: 8 },
      hovermode: "x unified",
      hoverlabel: { bgcolor: style("card"), bordercolor: style("line"), font: { color: style("ink") } },
      showlegend: true,
      legend: { orientation: "h", x: 0, y: 1.02, itemwidth: 34, yanchor: "bottom", xanchor: "left", bgcolor: "rgba(0,0,0,0)" },
      xaxis: { ...axis, title: { text: "time since the start (" + timeUnit + ")", standoff: 8 }, range: [0, Math.max(data.end, 1) / clock[1]], hoverformat: ".3~f", ticksuffix: "", nticks: small ? 6 : 12 },
      yaxis: { ...axis, title: { text: unit, standoff: 6 }, rangemode: "tozero", nticks: small ? 5 : 8, tickformat: ",~r", separatethousands: true },
    };
    if (more && more.small) result.showlegend = false;
    return result;
  }

  const step = (name, t, y, color, more) => ({
    type: "scatter", mode: "lines", name: plain(name), x: times(t), y: held(y),
    line: { shape: "hv", color, width: 1.8, ...(more && more.line) }, hovertemplate: "%{y:,.6~g}", ...(more && more.trace),
  });

  function draw(element, traces, chosen) {
    element.setAttribute("role", "img");
    return Plotly.react(element, traces, chosen, configuration);
  }

  // ---- utilisation ----
  function utilization(element) {
    const resource = element.dataset.resource;
    const traces = [];
    let unit = "";
    data.runs.forEach((run, index) => {
      const use = run.utilization.find((use) => use.resource === resource);
      if (!use) return;
      unit = use.label;
      if (!traces.length) {
        traces.push(step("allocatable", use.t, use.allocatable, style("limit"), { line: { dash: "dash" } }));
      }
      traces.push(step(data.runs.length > 1 ? run.policy : "requested by running pods", use.t, use.used, series(index), {
        line: { dash: data.runs.length > 1 ? dashes[index % 6] : "solid" },
        trace: data.runs.length > 1 ? {} : { fill: "tozeroy", fillcolor: style("used-fill") },
      }));
    });
    return draw(element, traces, layout(unit));
  }

  // ---- accounts ----
  function account(element, name, resource, small) {
    const entry = data.runs[0].accounts.find((account) => account.name === name);
    const f = entry && entry.resources.find((figures) => figures.resource === resource);
    if (!f) return draw(element, [], layout("", { small }));
    const within = f.used.map((used, i) => Math.max(0, used - f.borrowed[i]));
    const top = within.map((used, i) => used + f.borrowed[i]);
    const waiting = f.used.map((used, i) => f.pending[i] > 0 ? Math.max(used, top[i]) + f.pending[i] : null);
    const idle = f.guaranteed.map((guaranteed, i) => guaranteed - f.lent[i]);
    const amount = (values) => ({ trace: { customdata: held(values), hovertemplate: "%{customdata:,.6~g}" } });
    const silent = { trace: { hoverinfo: "skip", hovertemplate: null, showlegend: false }, line: { width: 0 } };
    const pattern = (shape, color, fill) => ({ fillcolor: fill, fillpattern: { shape, fgcolor: color, bgcolor: fill, size: 7, solidity: .22 } });
    const traces = [
      step("used", f.t, within, style("used"), { trace: { fill: "tozeroy", fillcolor: style("used-fill"), customdata: held(f.used), hovertemplate: "%{customdata:,.6~g}" }, line: { width: 1.2 } }),
    ];
    if (f.borrowed.some((value) => value > 0)) {
      traces.push(step("borrowed", f.t, top, style("borrowed"), { line: { width: 0 }, trace: { ...amount(f.borrowed).trace, fill: "tonexty", ...pattern("/", style("borrowed"), style("borrowed-fill")) } }));
    }
    if (f.lent.some((value) => value > 0)) {
      traces.push(step("", f.t, idle, style("lent"), silent));
      traces.push(step("lent", f.t, f.guaranteed, style("lent"), { line: { width: 0 }, trace: { ...amount(f.lent).trace, fill: "tonexty", ...pattern("\\", style("lent"), style("lent-fill")) } }));
    }
    traces.push(step("guarantee", f.t, f.guaranteed, style("guarantee"), { line: { width: 1.6 } }));
    if (f.limit.some((value) => value !== null)) {
      traces.push(step("limit", f.t, f.limit, style("limit"), { line: { dash: "dash", width: 1.6 }, trace: { connectgaps: false } }));
    }
    if (waiting.some((value) => value !== null)) {
      traces.push(step("waiting", f.t, waiting, style("waiting"), { line: { dash: "dot", width: 1.6 }, trace: { ...amount(f.pending).trace, connectgaps: false } }));
    }
    element.setAttribute("aria-label", "Use of " + resource + " by " + name + " over time, against its guarantee and limit; the figures are in the table of accounts");
    const chosen = layout(f.label, { small });
    const most = Math.max(...f.guaranteed, ...top, ...f.used, ...f.limit.filter((value) => value !== null), ...waiting.filter((value) => value !== null));
    chosen.yaxis.range = [0, most > 0 ? most * 1.06 : 1];
    return draw(element, traces, chosen);
  }

  const resourceChoice = document.getElementById("account-resource");
  const accountChoice = document.getElementById("account-other");
  function accounts() {
    const resource = resourceChoice ? resourceChoice.value : "";
    return Array.from(document.querySelectorAll("[data-chart=account]"), (element) => {
      const name = element.dataset.account === undefined ? accountChoice.value : element.dataset.account;
      return account(element, name, resource, true);
    });
  }

  // ---- waiting times ----
  const WAIT_LEAST = .1;
  const waitTicks = [[.1, "≤ 0.1 s"], [1, "1 s"], [10, "10 s"], [60, "1 min"], [600, "10 min"], [3600, "1 h"], [6 * 3600, "6 h"], [86400, "1 d"], [10 * 86400, "10 d"], [100 * 86400, "100 d"]];
  function waits(element) {
    let most = 1;
    const groups = data.runs.length > 1
      ? data.runs.map((run) => ({ ...run.waits[0], name: run.policy }))
      : data.runs[0].waits;
    const traces = groups.filter((group) => group.seconds.length).map((group, index) => {
      const x = group.seconds.map((seconds) => Math.max(seconds, WAIT_LEAST));
      most = Math.max(most, x[x.length - 1]);
      return {
        type: "scatter", mode: "lines", name: plain(group.name), x: [WAIT_LEAST].concat(x), y: [0].concat(group.percent),
        line: { shape: "hv", color: index === 0 && data.runs.length === 1 ? style("ink") : series(index), width: index === 0 ? 2.4 : 1.8, dash: dashes[index % 6] },
        hovertemplate: "%{y:.1f} %",
      };
    });
    // All of them reach the end of the axis.
    traces.forEach((trace) => { trace.x.push(most * 1.3); trace.y.push(100); });
    const chosen = layout("share that had started (%)");
    const ticks = waitTicks.filter(([seconds], index) => seconds <= most * 1.3 && (!narrow.matches || index % 2 === 0 || index < 1));
    Object.assign(chosen.xaxis, {
      type: "log", title: { text: "waiting time", standoff: 8 }, range: [Math.log10(WAIT_LEAST), Math.log10(most * 1.3)],
      tickvals: ticks.map((tick) => tick[0]), ticktext: ticks.map((tick) => tick[1]), hoverformat: ".4~g", ticksuffix: "",
    });
    chosen.yaxis.range = [0, 103];
    chosen.hovermode = "closest";
    traces.forEach((trace) => { trace.hovertemplate = "%{y:.1f} % within %{x:.4~g} s"; });
    return draw(element, traces, chosen);
  }

  // ---- services ----
  function service(element) {
    const key = element.dataset.service;
    const traces = [];
    data.runs.forEach((run, index) => {
      const found = run.services.find((service) => service.name === key);
      if (!found) return;
      if (!traces.length) traces.push(step("asked for", found.t, found.desired, style("ink"), { line: { dash: "dash", width: 1.6 } }));
      traces.push(step(data.runs.length > 1 ? run.policy : "running", found.t, found.running, series(data.runs.length > 1 ? index : 0), {
        line: { dash: data.runs.length > 1 && index > 0 ? dashes[index % 6] : "solid" },
        trace: data.runs.length > 1 ? {} : { fill: "tozeroy", fillcolor: style("used-fill") },
      }));
    });
    return draw(element, traces, layout("replicas"));
  }

  // ---- policies side by side ----
  function bars(element) {
    const figure = data.bars[Number(element.dataset.bars)];
    const rows = figure.values.map((value, index) => ({ value, policy: data.runs[index].policy, index })).filter((row) => row.value !== null).reverse();
    const most = Math.max(...rows.map((row) => row.value), 0);
    const chosen = layout("", { small: true });
    chosen.hovermode = false;
    Object.assign(chosen.xaxis, { title: { text: figure.unit, standoff: 6 }, range: [0, most > 0 ? most * 1.28 : 1], nticks: 4, tickformat: ",~r" });
    Object.assign(chosen.yaxis, { title: { text: "" }, type: "category", tickformat: "", showgrid: false, ticklabelstandoff: 4 });
    return draw(element, [{
      type: "bar", orientation: "h", y: rows.map((row) => plain(row.policy)), x: rows.map((row) => row.value), width: .64,
      marker: { color: rows.map((row) => series(row.index)) }, text: rows.map((row) => plain(figure.texts[row.index])),
      textposition: "outside", cliponaxis: false, textfont: { color: style("ink") }, hoverinfo: "skip",
    }], chosen);
  }

  const kinds = { utilization, waits, service, bars };
  function all() {
    const promises = Array.from(document.querySelectorAll("[data-chart]"), (element) =>
      kinds[element.dataset.chart] ? kinds[element.dataset.chart](element) : null).filter(Boolean);
    return Promise.all(promises.concat(accounts()));
  }
  for (const choice of [resourceChoice, accountChoice]) if (choice) choice.addEventListener("change", accounts);
  dark.addEventListener("change", all);
  narrow.addEventListener("change", all);
  window.reportDrawn = all();
})();
