// The live page: what Dash calls in the browser. dcc.Graph is not used, for it writes a zoom back into
// the figure, which the next figure then undoes.
"use strict";
window.dash_clientside = window.dash_clientside || {};
(() => {
  const { seqsearch } = window;
  const set = (id, data) => window.dash_clientside.set_props(id, { data });
  window.dash_clientside.seqsearch = {
    plot: (figure, place) => {
      const plot = document.getElementById(place);
      if (figure && plot) seqsearch.plot(plot, () => structuredClone(figure));
    },
    board: (data) => {
      const root = document.getElementById("board");
      if (data && root) seqsearch.showBoard(root, data);
      seqsearch.applyTheme(); // the button is there now
    },
    close: () => null,
  };
  seqsearch.onPoint = (address) => set("chosen", address);
  seqsearch.onChoice = (address) => set("chosen", address);
  document.addEventListener("change", (event) => {
    if (event.target.id === "picker") set("study", event.target.value);
  });
})();
