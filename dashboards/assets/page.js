// The built page: draws each figure when it comes near the view, from the data beside it.
"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const templates = read("templates");
  const plots = [...document.querySelectorAll(".plot")];
  const drawn = new Set();
  const coarse = window.matchMedia("(pointer: coarse)").matches;
  const config = { responsive: true, displayModeBar: false };

  const draw = (plot) => {
    if (drawn.has(plot)) return;
    drawn.add(plot);
    const figure = read(plot.id.replace("plot-", "data-"));
    figure.layout.template = templates[window.seqsearch.theme()];
    figure.layout.autosize = true;
    if (coarse) figure.layout.dragmode = false; // a finger scrolls the page
    Plotly.newPlot(plot, figure.data, figure.layout, config);
    plot.on("plotly_click", (event) => {
      const address = event.points[0] && event.points[0].customdata;
      if (Array.isArray(address)) window.seqsearch.choose(address[0], address[1]);
    });
  };
  const relayout = (changes) => drawn.forEach((plot) => Plotly.relayout(plot, changes));

  const watcher = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
      watcher.unobserve(entry.target);
      draw(entry.target);
    });
  }, { rootMargin: "800px" });
  plots.forEach((plot) => watcher.observe(plot));
  window.seqsearch.drawAll = () => plots.forEach(draw);

  window.seqsearch.onTheme((theme) => relayout({ template: templates[theme] }));
  window.addEventListener("beforeprint", () => {
    document.documentElement.dataset.theme = "light";
    window.seqsearch.drawAll();
    relayout({ template: templates.light, width: 680, autosize: false });
  });
  window.addEventListener("afterprint", () => {
    window.seqsearch.applyTheme();
    relayout({ width: null, autosize: true });
  });

  const board = document.getElementById("board");
  if (board) window.seqsearch.showBoard(board, read("board-data"));
})();
