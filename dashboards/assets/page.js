// The built page: its figures and its leaderboard lie beside it as data.
"use strict";
(() => {
  const { seqsearch } = window;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  document.querySelectorAll(".plot").forEach((plot) => {
    seqsearch.plot(plot, () => read(plot.id.replace("plot-", "data-")));
  });
  const board = document.getElementById("board");
  const shown = board && seqsearch.showBoard(board, read("board-data"));
  seqsearch.onPoint = ([study, number]) => shown && shown.choose(study, number);

  window.addEventListener("beforeprint", () => {
    document.documentElement.dataset.theme = "light";
    seqsearch.drawAll();
    seqsearch.relayout({ template: seqsearch.templates().light, width: 680, autosize: false });
  });
  window.addEventListener("afterprint", () => {
    seqsearch.applyTheme();
    seqsearch.relayout({ width: null, autosize: true });
  });
})();
