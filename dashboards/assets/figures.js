// Draws figures when they come near the view; draws them anew when they change, zoom and selection kept.
"use strict";
window.seqsearch = window.seqsearch || {};
(() => {
  const templates = () => JSON.parse(document.getElementById("templates").textContent);
  const config = { responsive: true, displayModeBar: false };
  const coarse = window.matchMedia("(pointer: coarse)").matches;
  const waiting = new Map(); // plot -> gives the figure to be drawn
  const near = new Set();
  const drawn = new Set();

  const draw = (plot) => {
    const figure = waiting.get(plot)();
    waiting.delete(plot);
    figure.layout.template = templates()[window.seqsearch.theme()];
    figure.layout.autosize = true;
    if (coarse) figure.layout.dragmode = false; // a finger scrolls the page
    Plotly.react(plot, figure.data, figure.layout, config);
    if (drawn.has(plot)) return;
    drawn.add(plot);
    plot.on("plotly_click", (event) => {
      const address = event.points[0] && event.points[0].customdata;
      if (Array.isArray(address)) window.seqsearch.onPoint(address, plot);
    });
  };
  const drawWaiting = (plots) => plots.filter((plot) => waiting.has(plot)).forEach(draw);

  const watcher = new IntersectionObserver((entries) => {
    entries.forEach(({ target, isIntersecting }) => (isIntersecting ? near.add(target) : near.delete(target)));
    drawWaiting([...near]);
  }, { rootMargin: "800px" });

  // figure: a function that gives it, so that it is read only when it is drawn.
  window.seqsearch.plot = (plot, figure) => {
    waiting.set(plot, figure);
    if (near.has(plot)) draw(plot);
    else watcher.observe(plot);
  };
  window.seqsearch.drawAll = () => drawWaiting([...waiting.keys()]);
  window.seqsearch.relayout = (changes) => drawn.forEach((plot) => Plotly.relayout(plot, changes));
  window.seqsearch.templates = templates;
  window.seqsearch.onTheme((theme) => window.seqsearch.relayout({ template: templates()[theme] }));
})();
