// The live page: what Dash calls in the browser.
"use strict";
window.dash_clientside = window.dash_clientside || {};
window.dash_clientside.seqsearch = {
  // The button is handled in theme.js, perhaps after this is called: hence the wait.
  colours: () => new Promise((answer) => setTimeout(() => {
    window.seqsearch.applyTheme();
    answer(window.seqsearch.theme());
  })),
  board: (data) => {
    const root = document.getElementById("board");
    if (data && root) window.seqsearch.showBoard(root, data);
    return null;
  },
  chosen: () => {
    const { triggered } = window.dash_clientside.callback_context;
    const click = triggered.find((one) => one.prop_id.endsWith(".clickData"));
    if (!click) return null; // closed, or another study
    const point = click.value && click.value.points[0];
    return point && Array.isArray(point.customdata) ? point.customdata : window.dash_clientside.no_update;
  },
};
window.seqsearch = window.seqsearch || {};
window.seqsearch.onChoice = (key) => window.dash_clientside.set_props("chosen", { data: key });
document.addEventListener("DOMContentLoaded", () => {
  window.seqsearch.onTheme((theme) => window.dash_clientside.set_props("colours", { data: theme }));
});
