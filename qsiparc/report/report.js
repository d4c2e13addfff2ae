"use strict";
// Without this script, all rows are there, in the order that they came.
for (const table of document.querySelectorAll("table[data-name]")) {
  const shown = 200;
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...body.rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const picked = table.dataset.pick;
  const value = (row, column) => {
    const cell = row.cells[column];
    return (cell.dataset.v ?? cell.textContent).trim();
  };
  let order = rows.map((_, place) => place);
  let everything = false;

  const tools = document.createElement("div");
  tools.className = "tools";
  const labelled = (text, control) => {
    const label = document.createElement("label");
    label.append(text, control);
    tools.append(label);
    return control;
  };
  const filter = labelled(`Filter ${table.dataset.name}`, document.createElement("input"));
  filter.type = "search";
  filter.spellcheck = false;
  let choice = null;
  if (picked !== undefined) {
    choice = labelled(heads[picked].textContent, document.createElement("select"));
    choice.add(new Option("all", ""));
    for (const kind of new Set(rows.map((row) => value(row, picked)))) choice.add(new Option(kind));
  }
  const told = document.createElement("output");
  tools.append(told);
  const frame = table.parentElement;
  frame.before(tools);
  const more = document.createElement("button");
  more.type = "button";
  more.className = "more-rows";
  frame.after(more);

  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kind = choice ? choice.value : "";
    const fits = order.filter(
      (place) =>
        words.every((word) => texts[place].includes(word)) &&
        (!kind || value(rows[place], picked) === kind),
    );
    const visible = everything ? fits : fits.slice(0, shown);
    body.replaceChildren(...visible.map((place) => rows[place]));
    told.textContent = fits.length === rows.length ? `${rows.length} rows` : `${fits.length} of ${rows.length} rows`;
    more.hidden = visible.length === fits.length;
    more.textContent = `Show all ${fits.length} rows`;
  };

  const sort = (column, head) => {
    const falling = head.getAttribute("aria-sort") === "ascending";
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const isNumber = head.dataset.sort !== "text";
    const keys = rows.map((row) => {
      const text = value(row, column);
      return isNumber ? (text === "" ? NaN : parseFloat(text)) : text;
    });
    const words = new Intl.Collator(undefined, { numeric: true });
    const compare = isNumber ? (a, b) => a - b : words.compare;
    order = rows.map((_, place) => place);
    order.sort((a, b) => {
      const [one, two] = [keys[a], keys[b]];
      const empty = (key) => key === "" || Number.isNaN(key);
      if (empty(one) || empty(two)) return empty(one) - empty(two) || a - b;
      return (falling ? -1 : 1) * compare(one, two) || a - b;
    });
    show();
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(column, head));
  });
  filter.addEventListener("input", show);
  if (choice) choice.addEventListener("change", show);
  more.addEventListener("click", () => {
    everything = true;
    show();
  });
  table.reveal = (id) => {
    if (!rows.some((row) => row.id === id)) return;
    filter.value = "";
    if (choice) choice.value = "";
    everything = everything || order.findIndex((place) => rows[place].id === id) >= shown;
    show();
  };
  show();
}

// A link may lead to a row that a filter hides.
const follow = (id) => {
  if (!id || document.getElementById(id)) return;
  for (const table of document.querySelectorAll("table[data-name]")) table.reveal(id);
};
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"], a[*|href^="#"]');
  if (link) follow((link.getAttribute("href") ?? "").slice(1));
});
if (location.hash) {
  follow(location.hash.slice(1));
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
}
