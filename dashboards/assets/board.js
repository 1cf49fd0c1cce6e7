// The leaderboard: sort, filter, turn pages, give out as CSV. Texts are set as text, never as markup.
"use strict";
window.seqsearch = window.seqsearch || {};
(() => {
  const PAGE = 25;
  const MENUS = ["study", "family", "state"]; // columns that have a menu of their values
  const boards = new Map();

  const element = (tag, attributes = {}, text = "") => {
    const made = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    made.textContent = text;
    return made;
  };
  const shown = (value, digits) => {
    if (value === null) return "";
    if (typeof value !== "number") return String(value);
    if (digits === null) return String(value);
    return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  };
  // Numbers before texts, nothing last, whichever way it is sorted.
  const compare = (one, two, sign) => {
    if (one === null || two === null) return (one === null) - (two === null);
    if (typeof one !== typeof two) return typeof one === "number" ? -1 : 1;
    if (one === two) return 0;
    return sign * (one < two ? -1 : 1);
  };
  // A spreadsheet takes a text that begins with one of these for a formula.
  const csvCell = (value) => {
    if (value === null) return "";
    if (typeof value !== "string") return String(value);
    const safe = /^\s*[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
    return `"${safe.replaceAll('"', '""')}"`;
  };

  class Board {
    constructor(root) {
      this.root = root;
      this.sort = { column: -1, sign: 1 };
      this.words = "";
      this.menus = {};
      this.page = 0;
      this.chosen = null;
      root.classList.add("board");
      this.controls = root.appendChild(element("div", { class: "controls" }));
      this.scroll = root.appendChild(element("div", {
        class: "scroll", tabindex: "0", role: "group", "aria-label": "Table: leaderboard",
      }));
      this.turner = root.appendChild(element("div", { class: "controls" }));
    }

    show(data) {
      const columns = data.columns.map((column) => column.name).join("\n");
      const fresh = columns !== this.columns;
      this.data = data;
      this.columns = columns;
      if (fresh) this.sort = { column: -1, sign: 1 };
      this.buildControls();
      this.draw();
    }

    buildControls() {
      const focused = this.controls.contains(document.activeElement) && document.activeElement.dataset.name;
      const caret = focused === "search" ? document.activeElement.selectionStart : null;
      this.controls.replaceChildren();
      const search = this.addControl("search", "Search all columns", element("input", { type: "search" }));
      search.value = this.words;
      search.addEventListener("input", () => { this.words = search.value; this.page = 0; this.draw(); });
      this.data.columns.forEach((column, place) => {
        if (!MENUS.includes(column.name)) return;
        const values = [...new Set(this.data.rows.map((row) => row[place]))].sort();
        if (values.length < 2) { delete this.menus[column.name]; return; }
        const menu = this.addControl(column.name, column.name, element("select"));
        menu.append(element("option", { value: "" }, "all"));
        values.forEach((value) => menu.append(element("option", { value }, value)));
        menu.value = values.includes(this.menus[column.name]) ? this.menus[column.name] : "";
        menu.addEventListener("change", () => { this.menus[column.name] = menu.value; this.page = 0; this.draw(); });
      });
      const csv = element("button", { type: "button", "data-name": "csv" }, "Download CSV");
      csv.addEventListener("click", () => this.download());
      this.count = element("span", { class: "count", role: "status" });
      this.controls.append(csv, this.count);
      const again = focused && this.controls.querySelector(`[data-name="${focused}"]`);
      if (again) { again.focus(); if (caret !== null) again.setSelectionRange(caret, caret); }
    }

    addControl(name, label, control) {
      control.dataset.name = name;
      const wrap = element("label", {}, label);
      wrap.append(control);
      this.controls.append(wrap);
      return control;
    }

    visible() {
      const { columns, rows } = this.data;
      const words = this.words.toLowerCase().split(/\s+/).filter(Boolean);
      const chosen = columns.map((column) => this.menus[column.name] || "");
      const found = [];
      rows.forEach((row, place) => {
        if (!chosen.every((value, at) => !value || row[at] === value)) return;
        if (words.length) {
          const text = row.map((cell) => (cell === null ? "" : String(cell).toLowerCase())).join("\n");
          if (!words.every((word) => text.includes(word))) return;
        }
        found.push(place);
      });
      const { column, sign } = this.sort;
      if (column >= 0) found.sort((a, b) => compare(rows[a][column], rows[b][column], sign) || a - b);
      return found;
    }

    draw() {
      const found = this.visible();
      const pages = Math.max(1, Math.ceil(found.length / PAGE));
      this.page = Math.min(this.page, pages - 1);
      const focused = this.scroll.contains(document.activeElement) && document.activeElement;
      const table = element("table");
      table.append(element("caption", {}, "Trials"), this.head(), this.body(found));
      this.scroll.replaceChildren(table);
      const again = focused && this.again(focused);
      if (again) again.focus();
      this.count.textContent = `${found.length.toLocaleString("en-US")} of ${this.data.rows.length.toLocaleString("en-US")} trials`;
      this.turn(pages);
    }

    // What stands where an element of the table drawn before stood.
    again(before) {
      if (before.dataset.column) return this.scroll.querySelector(`[data-column="${before.dataset.column}"]`);
      const row = before.closest("tr");
      const same = row && [...this.scroll.querySelectorAll("tbody tr")].find((other) => other.dataset.key === row.dataset.key);
      return same && (before === row ? same : same.querySelector("a"));
    }

    head() {
      const row = element("tr");
      this.data.columns.forEach((column, place) => {
        const sorted = this.sort.column === place;
        const order = !sorted ? "none" : this.sort.sign > 0 ? "ascending" : "descending";
        const cell = element("th", { scope: "col", "aria-sort": order });
        const arrow = !sorted ? "" : this.sort.sign > 0 ? " ▲" : " ▼";
        const button = element("button", { type: "button", "data-column": place }, column.name + arrow);
        button.addEventListener("click", () => {
          // Numbers are asked for from the highest down, texts from A to Z.
          const down = this.data.rows.some((cells) => typeof cells[place] === "number");
          this.sort = { column: place, sign: sorted ? -this.sort.sign : down ? -1 : 1 };
          this.page = 0;
          this.draw();
        });
        cell.append(button);
        row.append(cell);
      });
      const head = element("thead");
      head.append(row);
      return head;
    }

    body(found) {
      const body = element("tbody");
      const trial = this.data.columns.findIndex((column) => column.name === "trial");
      found.slice(this.page * PAGE, (this.page + 1) * PAGE).forEach((place) => {
        const choose = window.seqsearch.onChoice;
        const key = this.data.keys[place];
        const row = element("tr", { "data-place": place, "data-key": JSON.stringify(key), ...(choose && { tabindex: 0 }) });
        this.data.rows[place].forEach((value, at) => {
          const text = shown(value, this.data.columns[at].digits);
          const cell = element("td", typeof value === "number" ? { class: "number" } : { title: text });
          const link = at === trial && this.data.links[place];
          // Only what is a web address becomes one.
          if (link && /^https?:\/\//.test(link)) {
            const to = { href: link, target: "_blank", rel: "noopener noreferrer" };
            cell.append(element("a", { ...to, "aria-label": `trial ${text} in MLflow` }, text));
          } else {
            cell.textContent = text;
          }
          row.append(cell);
        });
        if (place === this.chosen) row.classList.add("chosen");
        if (choose) {
          row.addEventListener("click", () => choose(key));
          row.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target === row) choose(key); });
        }
        body.append(row);
      });
      return body;
    }

    turn(pages) {
      const step = (text, change, off) => {
        const button = element("button", { type: "button" }, text);
        button.disabled = off;
        button.addEventListener("click", () => { this.page += change; this.draw(); });
        return button;
      };
      const said = element("span", { class: "count" }, `page ${this.page + 1} of ${pages}`);
      this.turner.hidden = pages < 2;
      this.turner.replaceChildren(
        step("Previous", -1, this.page === 0), said, step("Next", 1, this.page === pages - 1),
      );
    }

    choose(study, number) {
      const place = this.data.keys.findIndex((key) => key[0] === study && key[1] === number);
      if (place < 0) return;
      this.words = "";
      this.menus = {};
      this.chosen = place;
      this.page = Math.floor(this.visible().indexOf(place) / PAGE);
      this.buildControls();
      this.draw();
      const row = this.scroll.querySelector(`[data-place="${place}"]`);
      row.scrollIntoView({ block: "center" });
    }

    csv() {
      const names = this.data.columns.map((column) => csvCell(column.name));
      const rows = this.visible().map((place) => this.data.rows[place].map(csvCell).join(","));
      return `\ufeff${[names.join(","), ...rows].join("\r\n")}\r\n`;
    }

    download() {
      const link = element("a", { download: "leaderboard.csv" });
      link.href = URL.createObjectURL(new Blob([this.csv()], { type: "text/csv" }));
      link.click();
      URL.revokeObjectURL(link.href);
    }
  }

  window.seqsearch.again = (root, before) => boards.has(root) && boards.get(root).again(before);
  window.seqsearch.showBoard = (root, data) => {
    if (!boards.has(root)) boards.set(root, new Board(root));
    boards.get(root).show(data);
    return boards.get(root);
  };
})();
