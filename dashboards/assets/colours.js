// Light or dark: as the system asks, until the button says otherwise.
"use strict";
window.seqsearch = window.seqsearch || {};
(() => {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const listeners = [];
  let chosen = null;
  try { chosen = window.localStorage.getItem("seqsearch-theme"); } catch { /* a file may have no storage */ }
  if (chosen !== "light" && chosen !== "dark") chosen = null;
  const theme = () => chosen || (system.matches ? "dark" : "light");
  const apply = () => {
    document.documentElement.dataset.theme = theme();
    const button = document.getElementById("theme");
    if (button) button.textContent = theme() === "dark" ? "Light colours" : "Dark colours";
    listeners.forEach((listener) => listener(theme()));
  };
  system.addEventListener("change", apply);
  document.addEventListener("click", (event) => {
    if (!event.target.closest || !event.target.closest("#theme")) return;
    chosen = theme() === "dark" ? "light" : "dark";
    try { window.localStorage.setItem("seqsearch-theme", chosen); } catch { /* likewise */ }
    apply();
  });
  window.seqsearch.theme = theme;
  window.seqsearch.onTheme = (listener) => listeners.push(listener);
  window.seqsearch.applyTheme = apply;
  apply();
})();
