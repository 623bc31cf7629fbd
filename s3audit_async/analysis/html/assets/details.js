/* details.js: all there is to say of one bucket, in a dialog. */

const dialog = document.getElementById("details");

/* The bucket's own command: what stands in for its key and its name is put back, as profiles.py took it out.
   A template that is text has nothing put in. A name is put in only where it needs no quotes. */
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

function commandFor(name, profile, template) {
  if (typeof template !== "number") return template;
  let command = report.texts[template];
  for (const [field, mark] of Object.entries(meta.marks)) command = command.replaceAll(mark, () => profile[field] ?? "");
  return PLAIN_NAME.test(name) ? command.replaceAll(meta.name_mark, () => name) : command;
}

function openDetails(row, opener) {
  const profile = report.profiles[report.profile[row]];
  const name = report.names[row];
  const close = element("button", { type: "button", class: "close", text: "Close" });
  close.addEventListener("click", () => dialog.close());
  const content = element("div", { class: "dialog-body" });
  content.append(element("h3", { text: "What the report holds" }), fieldsOf(row));
  content.append(element("h3", { text: findingsHeading(profile) }));
  const steps = new Map(profile.steps);
  const gravestFirst = [...profile.findings].sort((a, b) => meta.severities.indexOf(severityOf(a)) - meta.severities.indexOf(severityOf(b)));
  for (const finding of gravestFirst) {
    content.append(findingIn(finding, (steps.get(finding) ?? []).map((step) => commandFor(name, profile, step))));
  }
  if (profile.unknown.length) {
    content.append(element("h3", { text: "Unknown" }), element("p", { class: "note", text: "Nobody can tell from this report: " + profile.unknown.join(", ") + "." }));
  }
  dialog.replaceChildren(element("div", { class: "dialog-head" }, element("h2", { id: "details-heading", text: visible(name) }), close), content);
  dialog.addEventListener("close", () => opener?.focus({ preventScroll: true }), { once: true });
  dialog.showModal();
  dialog.scrollTop = 0;
}

/* "No findings" only where every one could be told. */
function findingsHeading(profile) {
  if (profile.gone) return "Not there any more";
  if (profile.findings.length) return "Findings";
  return profile.unknown.length ? "None known" : "No findings";
}

function fieldsOf(row) {
  const list = element("dl", { class: "fields" });
  for (const [header, name] of meta.columns) {
    if (name === "findings") continue;
    const value = cell(row, name);
    list.append(element("dt", { text: header }), element("dd", { class: value ? "data" : "note", text: value ? visible(value) : "–" }));
  }
  return list;
}

function findingIn(finding, commands) {
  const known = meta.findings.get(finding);
  const heading = element("p", {}, element("span", { class: "pill " + severityOf(finding), text: severityOf(finding) }), " ", element("strong", { text: known?.title ?? visible(finding) }), " ", element("code", { class: "note", text: visible(finding) }));
  const made = element("div", { class: "bucket-finding" }, heading);
  if (known?.mend) made.append(element("p", { text: known.mend }));
  for (const command of commands) made.append(commandShown(command));
  return made;
}

function commandShown(command) {
  const shown = command.split("\n").map(visible).join("\n");
  const made = element("div", { class: "command" }, element("pre", { tabindex: 0 }, element("code", { text: shown })));
  if (navigator.clipboard) {
    const copy = element("button", { type: "button", class: "copy", text: "Copy" });
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(command);
        copy.textContent = "Copied";
      } catch {
        copy.textContent = "Select it";
      }
    });
    made.append(copy);
  }
  return made;
}
