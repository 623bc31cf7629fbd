"use strict";
/* data.js: the report, out of the JSON in the page. profiles.py describes how it is encoded. */

const meta = JSON.parse(document.getElementById("meta").textContent);
/* What the report names is looked up in maps: an object has a `constructor` that nobody put there. */
for (const name of ["findings", "key_types", "kinds"]) meta[name] = new Map(Object.entries(meta[name]));
const report = { names: [], profile: [], created: [], audited: [], profiles: [], texts: [] };

function readReport() {
  const texts = report.texts;
  const text = (value) => (typeof value === "number" ? texts[value] : value);
  for (const script of document.querySelectorAll("script.rows")) {
    const chunk = JSON.parse(script.textContent);
    script.remove();
    for (const each of chunk.texts) texts.push(each);
    for (const values of chunk.profiles) {
      const profile = {};
      meta.fields.forEach((field, index) => {
        const value = values[index];
        if (field === "steps") profile.steps = value.map(([finding, steps]) => [text(finding), steps]);
        else profile[field] = Array.isArray(value) ? value.map(text) : text(value);
      });
      Object.assign(profile, ranked(profile));
      report.profiles.push(profile);
    }
    for (const column of ["names", "profile", "created", "audited"]) {
      for (const each of chunk[column]) report[column].push(each);
    }
  }
}

function severityOf(finding) {
  return meta.findings.get(finding)?.severity ?? "unrated";
}

/* The gravest finding, and a number that sorts buckets by what was found in them. */
function ranked(profile) {
  const ranks = profile.findings.map((each) => meta.severities.indexOf(severityOf(each))).sort((a, b) => a - b);
  const gravest = ranks.length ? meta.severities[ranks[0]] : null;
  return { gravest, weight: ranks.length ? (meta.severities.length - ranks[0]) * 1000 + ranks.length : profile.unknown.length ? 1 : 0 };
}

function instant(seconds) {
  return seconds === null ? null : new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

/* Writes out characters that show nothing or turn the direction of writing, as labels.py does. */
function visible(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    return "⟨U+" + character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0") + "⟩";
  });
}

function shortKey(reference) {
  return reference.replace(/^arn:aws[a-z-]*:kms:/, "");
}

/* Makes an element. Text is only ever set as text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") made.textContent = value;
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/* The report's own value of a column, as text: what a CSV report has in that cell. */
function cell(row, name) {
  if (name === "bucket_name") return report.names[row];
  if (name === "created") return instant(report.created[row]) ?? "";
  if (name === "audited_at") return instant(report.audited[row]) ?? "";
  const value = report.profiles[report.profile[row]][name];
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.join(";");
  return value === true ? "True" : value === false ? "False" : value;
}

/* As sinks/csv.py: no cell is a formula, lines end with CR LF. */
function csv(rows) {
  const lines = [meta.columns.map(([header]) => quoted(header)).join(",")];
  for (const row of rows) lines.push(meta.columns.map(([, name]) => quoted(neutralised(cell(row, name)))).join(","));
  return lines.join("\r\n") + "\r\n";
}

function neutralised(text) {
  return /^'*[=+\-@\t\r]/.test(text) ? "'" + text : text;
}

function quoted(text) {
  return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}
