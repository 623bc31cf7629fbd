/* table.js: the table, of which only the rows in view exist, and moving along it by keyboard. */

const OVERSCAN = 8;
const PRINTED = 1000;
const TALLEST = 300000; // rows; browsers have no elements much taller than that
const viewport = document.getElementById("viewport");
const body = document.getElementById("body");
const printing = matchMedia("print");
const rowElements = new Map();
let shownColumns = [];
let active = 0;
let rowHeight = 40;

const COLUMNS = [
  ["bucket_name", "Bucket", null],
  ["account", "Account", (profile) => profile.account],
  ["region", "Region", (profile) => profile.region],
  ["bucket_kind", "Kind", (profile) => profile.kind],
  ["kind", "Encryption", (profile) => meta.kinds.get(profile.encryption) ?? profile.encryption],
  ["sse_kms_key_type", "Key type", (profile) => meta.key_types.get(profile.sse_kms_key_type) ?? profile.sse_kms_key_type],
  ["key", "Key", (profile) => profile.key],
  ["bucket_key_state", "Bucket Key", (profile) => profile.bucket_key_state],
  ["key_state", "Key state", (profile) => profile.key_state],
  ["findings", "Findings", null],
];

/* Leaves out columns in which nothing is known, and account and kind where there is one only: the details have them. */
function chooseColumns() {
  shownColumns = COLUMNS.filter(([name, , value]) => {
    if (!value) return true;
    const values = new Set(report.profiles.map(value));
    values.delete(null);
    return values.size > (name === "account" || name === "bucket_kind" ? 1 : 0) || !report.profiles.length;
  });
  const table = body.parentElement;
  table.setAttribute("aria-colcount", shownColumns.length);
  const head = document.getElementById("head");
  for (const [name, title] of shownColumns) {
    const button = element("button", { type: "button", text: title });
    button.addEventListener("click", () => sortBy(name));
    head.append(element("th", { scope: "col", class: "c-" + name, "data-name": name }, button));
  }
}

function showSort() {
  for (const th of document.querySelectorAll("#head th")) {
    if (th.dataset.name === view.sort) th.setAttribute("aria-sort", view.ascending ? "ascending" : "descending");
    else th.removeAttribute("aria-sort");
  }
}

function makeRow(place) {
  const row = view.rows[place];
  const profile = report.profiles[report.profile[row]];
  const made = element("tr", { "aria-rowindex": place + 2 });
  for (const [name, , value] of shownColumns) {
    if (name === "bucket_name") {
      const name_ = visible(report.names[row]);
      const button = element("button", { type: "button", class: "name", title: name_, "aria-haspopup": "dialog", text: name_ });
      made.append(element("td", {}, button));
    } else if (name === "findings") {
      made.append(findingsCell(profile));
    } else {
      const text = value(profile);
      const shown = text === null || text === "" ? "–" : visible(String(text));
      made.append(element("td", { class: !text ? "faint" : name === "key" ? "mono" : null, title: text ? shown : null, text: name === "key" ? shortKey(shown) : shown }));
    }
  }
  return made;
}

function findingsCell(profile) {
  if (profile.gone) return element("td", { class: "faint", title: "Not there any more", text: "–" });
  if (!profile.findings.length) {
    return element("td", { class: "faint", text: profile.unknown.length ? profile.unknown.length + " unknown" : "none" });
  }
  const others = profile.findings.length - 1;
  const title = profile.findings.map((each) => visible(each)).join(", ") + (profile.unknown.length ? "; unknown: " + profile.unknown.join(", ") : "");
  return element(
    "td",
    { title },
    element("span", { class: "pill " + profile.gravest, text: profile.gravest }),
    others ? element("span", { class: "more-findings", text: "+ " + others }) : null,
  );
}

/* Makes the rows in view exist, and no others. On paper there is no view: the first rows are all there. */
function drawRows(anew = false) {
  const count = Math.min(view.rows.length, TALLEST);
  body.parentElement.setAttribute("aria-rowcount", view.rows.length + 1);
  if (anew) {
    rowElements.clear();
    body.replaceChildren(space("before"), space("after"));
    setSpace(body.lastElementChild, count * rowHeight); // as tall as it will be, for the height of the view
  }
  const top = Math.max(0, viewport.scrollTop);
  const onPaper = printing.matches;
  const first = onPaper ? 0 : Math.max(0, Math.min(count, Math.floor(top / rowHeight)) - OVERSCAN);
  const last = onPaper ? Math.min(count, PRINTED) : Math.min(count, Math.ceil((top + viewport.clientHeight) / rowHeight) + OVERSCAN);
  if (active < first || active >= last) active = Math.max(first, Math.min(Math.ceil(top / rowHeight), last - 1));
  let focusLost = false;
  for (const [place, tr] of rowElements) {
    if (place < first || place >= last) {
      focusLost ||= tr.contains(document.activeElement);
      tr.remove();
      rowElements.delete(place);
    }
  }
  const after = body.lastElementChild;
  let next = after;
  for (let place = last - 1; place >= first; place--) {
    let tr = rowElements.get(place);
    if (!tr) {
      tr = makeRow(place);
      rowElements.set(place, tr);
      next.before(tr);
    }
    next = tr;
  }
  setSpace(body.firstElementChild, onPaper ? 0 : first * rowHeight);
  setSpace(after, onPaper ? 0 : (count - last) * rowHeight);
  makeOneStop();
  if (focusLost) viewport.focus({ preventScroll: true }); // from there Tab goes on to a row in view
  showEmpty(count);
}

/* Of all rows that exist, Tab stops at the active one only. */
function makeOneStop() {
  for (const [place, tr] of rowElements) tr.querySelector(".name").tabIndex = place === active ? 0 : -1;
}

function space(which) {
  const tr = element("tr", { class: "space " + which, "aria-hidden": "true" }, element("td", { colspan: shownColumns.length }));
  return tr;
}

function setSpace(tr, height) {
  tr.firstElementChild.style.height = height + "px";
  tr.hidden = height <= 0;
}

function showEmpty(count) {
  viewport.querySelector(".none")?.remove();
  if (!count) viewport.append(element("p", { class: "none", text: report.names.length ? "No bucket fits. Remove a filter, or search for something else." : "There are no buckets in this report." }));
}

/* Takes the keyboard to a row: scrolls until it exists, then gives it the focus. */
function focusRow(place) {
  active = Math.max(0, Math.min(place, Math.min(view.rows.length, TALLEST) - 1));
  const top = active * rowHeight;
  const room = viewport.clientHeight - rowHeight * 2;
  if (top < viewport.scrollTop) viewport.scrollTop = top;
  else if (top > viewport.scrollTop + room) viewport.scrollTop = top - room;
  drawRows();
  rowElements.get(active)?.querySelector(".name").focus({ preventScroll: true });
}

function placeOf(target) {
  const tr = target.closest("tr[aria-rowindex]");
  return tr ? Number(tr.getAttribute("aria-rowindex")) - 2 : -1;
}

function wireTable() {
  let asked = false;
  viewport.addEventListener("scroll", () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; drawRows(); });
  });
  new ResizeObserver(() => drawRows()).observe(viewport);
  printing.addEventListener("change", () => drawRows());
  addEventListener("beforeprint", () => drawRows());
  body.addEventListener("click", (event) => {
    const place = placeOf(event.target);
    if (place < 0 || (!event.target.closest("button") && String(getSelection()))) return;
    active = place;
    makeOneStop();
    openDetails(view.rows[place], rowElements.get(place)?.querySelector(".name"));
  });
  body.addEventListener("keydown", (event) => {
    const place = placeOf(event.target);
    const page = Math.max(1, Math.floor(viewport.clientHeight / rowHeight) - 2);
    const moves = { ArrowDown: place + 1, ArrowUp: place - 1, PageDown: place + page, PageUp: place - page, Home: 0, End: view.rows.length - 1 };
    if (place < 0 || !(event.key in moves) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    focusRow(moves[event.key]);
  });
}
