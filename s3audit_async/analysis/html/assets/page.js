/* page.js: ties filters, search, sorting, export and theme to what is on the page. */

const number = new Intl.NumberFormat("en");

function filterOf(button) {
  const { facet, index, value } = button.dataset;
  if (value !== undefined) return [facet, value];
  return [facet, facet === "severity" ? meta.severities[index] : meta.bars[facet][index]];
}

function update() {
  computeView();
  showFilters();
  showSort();
  active = 0;
  viewport.scrollTop = 0;
  drawRows(true);
  const all = report.names.length;
  const shown = view.rows.length;
  const beyond = shown > TALLEST ? `: the first ${number.format(TALLEST)} are in the table; search or filter for the others` : "";
  document.getElementById("count").textContent = (shown === all ? `All ${number.format(all)} buckets` : `${number.format(shown)} of ${number.format(all)} buckets`) + beyond;
  document.getElementById("export").disabled = !shown;
  const fits = document.getElementById("fits");
  fits.textContent = `${number.format(shown)} of ${number.format(all)} fit: see the table`;
  fits.hidden = shown === all;
}

function showFilters() {
  const narrowed = view.rows.length < report.names.length;
  const counts = countsShown();
  document.body.classList.toggle("filtered", narrowed);
  for (const button of document.querySelectorAll("[data-facet]")) {
    const [facet, value] = filterOf(button);
    button.setAttribute("aria-pressed", isFiltered(facet, value));
    const part = button.querySelector(".part");
    if (!part) continue;
    const count = counts[facet].get(value) ?? 0;
    const shown = button.querySelector(".shown");
    shown.hidden = !narrowed;
    shown.textContent = narrowed ? number.format(count) + " of " : "";
    part.setAttribute("width", narrowed ? (part.dataset.length * count) / part.dataset.count : 0);
  }
  showChips();
}

function showChips() {
  const chips = document.getElementById("chips");
  const made = [];
  for (const [facet, values] of view.filters) {
    for (const value of values) made.push(chip(labelOf(facet, value), () => toggleFilter(facet, value)));
  }
  if (made.length > 1) made.push(chip("Remove all", () => view.filters.clear()));
  chips.replaceChildren(...made);
  chips.hidden = !made.length;
}

function chip(label, remove) {
  const button = element("button", { type: "button", class: "chip", title: "Remove this filter", "aria-label": label === "Remove all" ? "Remove all filters" : "Remove filter: " + label }, element("span", { text: label }));
  button.addEventListener("click", () => {
    remove();
    update();
    (document.querySelector(".chip") ?? document.getElementById("search")).focus({ preventScroll: true });
  });
  return element("li", {}, button);
}

function labelOf(facet, value) {
  const titles = { kind: "Encryption", key_type: "Key type", bucket_key: "Bucket Key", region: "Region", account: "Account", key: "Key", finding: "Found", unknown: "Unknown", severity: "Severity" };
  const words = { kind: meta.kinds, key_type: meta.key_types }[facet];
  return titles[facet] + ": " + (words?.get(value) ?? visible(value));
}

function sortBy(name) {
  view.ascending = view.sort === name ? !view.ascending : name !== "findings";
  view.sort = name;
  update();
}

function exportShown() {
  const url = URL.createObjectURL(new Blob([csv(view.rows)], { type: "text/csv" }));
  const link = element("a", { href: url, download: "s3audit-buckets.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function wireTheme() {
  const button = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const show = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Change to the ${isDark() ? "light" : "dark"} theme`);
  };
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    show();
  });
  dark.addEventListener("change", show);
  button.hidden = !CSS.supports("color", "light-dark(#000, #fff)"); // there is but the light one then
  show();
}

/* On paper nothing can be opened, so what was found is; it is closed again afterwards. */
function wirePrinting() {
  let opened = [];
  const open = () => {
    if (opened.length) return;
    opened = [...document.querySelectorAll("details.finding:not([open])")];
    for (const each of opened) each.open = true;
    if (view.rows.length > PRINTED) document.getElementById("count").dataset.printed = `The first ${number.format(PRINTED)} are printed; the page can export all of them as CSV.`;
  };
  const close = () => {
    for (const each of opened) each.open = false;
    opened = [];
    delete document.getElementById("count").dataset.printed;
  };
  printing.addEventListener("change", () => (printing.matches ? open() : close()));
  addEventListener("beforeprint", open);
  addEventListener("afterprint", close);
}

function start() {
  wireTheme();
  readReport();
  chooseColumns();
  wireTable();
  wirePrinting();
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-facet]");
    if (!button) return;
    toggleFilter(...filterOf(button));
    update();
    if (button.closest(".actions") && button.getAttribute("aria-pressed") === "true") document.getElementById("buckets").scrollIntoView();
  });
  let asked = false;
  document.getElementById("search").addEventListener("input", (event) => {
    view.search = event.target.value;
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; update(); });
  });
  document.getElementById("export").addEventListener("click", exportShown);
  update();
  document.documentElement.dataset.ready = "true";
}

start();
