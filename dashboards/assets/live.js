// The live page: what Dash calls in the browser. dcc.Graph is not used, for it writes a zoom back into
// the figure, which the next figure then undoes.
"use strict";
window.dash_clientside = window.dash_clientside || {};
(() => {
  const { seqsearch } = window;
  const element = (id) => document.getElementById(id);
  const set = (id, data) => window.dash_clientside.set_props(id, { data });
  const PATIENCE = 10000; // milliseconds, after which an answer is no longer waited for
  let asked = 0; // how often the server was asked for the study
  let since = 0; // when it was asked what it has not answered yet; 0 if it has
  let filled = ""; // the studies that the picker holds
  let open = false; // whether the panel of a trial is
  let opener = null; // what had the focus when it opened

  // Dash would put new options in place of the old, and the browser would choose the first of them.
  const studies = (names, study) => {
    const picker = element("picker");
    if (!picker || !names || !names.length) return;
    const known = names.some(([name]) => name === study);
    if (!known && !filled) set("study", names[0][0]); // this tab showed another folder's studies before
    if (JSON.stringify(names) !== filled) {
      filled = JSON.stringify(names);
      picker.replaceChildren(...names.map(([name, label]) => new Option(label, name)));
    }
    picker.value = study;
  };

  // Of two questions under way Dash drops the first answer, so one waits for the other.
  const show = (study) => {
    asked += 1;
    since = Date.now();
    set("asked", [study, asked]);
  };
  const look = (_, study) => {
    if (!since || Date.now() - since > PATIENCE) show(study);
  };
  const answered = (number) => {
    if (number === asked) since = 0;
  };

  const choose = (address, from) => {
    if (!open) opener = from;
    set("chosen", address);
  };

  const trial = (hidden) => {
    if (open === !hidden) return;
    open = !hidden;
    if (open) {
      element("close").focus();
      return;
    }
    const lost = document.activeElement === document.body || element("trial").contains(document.activeElement);
    if (!lost || !opener) return;
    const back = opener.isConnected ? opener : seqsearch.again(element("board"), opener);
    if (back) back.focus();
  };

  window.dash_clientside.seqsearch = {
    studies,
    show,
    look,
    answered,
    trial,
    plot: (figure, place) => {
      const plot = element(place);
      if (figure && plot) seqsearch.plot(plot, () => structuredClone(figure));
    },
    board: (data) => {
      const root = element("board");
      if (data && root) seqsearch.showBoard(root, data);
      seqsearch.applyTheme(); // the button is there now
    },
    close: () => null,
  };
  seqsearch.onPoint = (address, plot) => choose(address, plot.closest(".scroll"));
  seqsearch.onChoice = (address) => choose(address, document.activeElement);
  document.addEventListener("change", (event) => {
    if (event.target.id === "picker") set("study", event.target.value);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && open) set("chosen", null);
  });
})();
