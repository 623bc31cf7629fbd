/* view.js: which rows are shown, in which order: filters, search, sorting. Most work is done once per profile. */

const FACETS = {
  kind: (profile) => profile.encryption,
  key_type: (profile) => (profile.key === null ? null : profile.sse_kms_key_type), // of those that have a key
  bucket_key: (profile) => profile.bucket_key_state,
  region: (profile) => profile.region || "unknown",
  account: (profile) => profile.account || "unknown",
  key: (profile) => profile.key,
};
const IN_LISTS = {
  finding: (profile) => profile.findings,
  unknown: (profile) => profile.unknown,
  severity: (profile) => profile.findings.map(severityOf),
};
const SORTS = {
  region: (profile) => profile.region ?? "",
  account: (profile) => profile.account ?? "",
  kind: (profile) => profile.encryption,
  bucket_kind: (profile) => profile.kind,
  sse_kms_key_type: (profile) => profile.sse_kms_key_type,
  key: (profile) => profile.key ?? "",
  bucket_key_state: (profile) => profile.bucket_key_state ?? "",
  key_state: (profile) => profile.key_state ?? "",
  findings: (profile) => profile.weight,
};

const view = { rows: [], filters: new Map(), search: "", sort: "findings", ascending: false };
let lowerNames = null;
let byName = null;
let nameRank = null;

function toggleFilter(facet, value) {
  const values = view.filters.get(facet) ?? new Set();
  if (!values.delete(value)) values.add(value);
  if (values.size) view.filters.set(facet, values);
  else view.filters.delete(facet);
}

function isFiltered(facet, value) {
  return view.filters.get(facet)?.has(value) ?? false;
}

function passes(profile) {
  for (const [facet, values] of view.filters) {
    const fits = facet in FACETS ? values.has(FACETS[facet](profile)) : IN_LISTS[facet](profile).some((each) => values.has(each));
    if (!fits) return false;
  }
  return true;
}

function haystack(profile) {
  profile.haystack ??= textOf(profile);
  return profile.haystack;
}

function textOf(profile) {
  const own = meta.columns.map(([, name]) => profile[name]).flat().filter((value) => typeof value === "string");
  return [...own, profile.encryption, meta.key_types.get(profile.sse_kms_key_type), meta.kinds.get(profile.encryption), profile.key].join("\n").toLowerCase();
}

function computeView() {
  const { names, profile, profiles } = report;
  const passing = profiles.map(passes);
  const terms = view.search.toLowerCase().split(/\s+/).filter(Boolean);
  let found = [];
  if (terms.length) {
    lowerNames ??= names.map((name) => name.toLowerCase());
    const texts = profiles.map((each, index) => (passing[index] ? haystack(each) : ""));
    const inProfile = terms.map((term) => texts.map((text) => text.includes(term)));
    for (let row = 0; row < names.length; row++) {
      if (passing[profile[row]] && terms.every((term, nth) => inProfile[nth][profile[row]] || lowerNames[row].includes(term))) found.push(row);
    }
  } else {
    for (let row = 0; row < names.length; row++) if (passing[profile[row]]) found.push(row);
  }
  view.rows = sorted(found);
}

/* By the column, then by name: both as one number, so that 100,000 rows are sorted as fast as numbers are. */
function sorted(rows) {
  const count = report.names.length;
  if (!byName) {
    byName = Uint32Array.from(report.names.keys());
    byName.sort((a, b) => (report.names[a] < report.names[b] ? -1 : report.names[a] > report.names[b] ? 1 : a - b));
    nameRank = new Uint32Array(count);
    byName.forEach((row, rank) => { nameRank[row] = rank; });
  }
  const keys = new Float64Array(rows.length);
  if (view.sort === "bucket_name") {
    rows.forEach((row, place) => { keys[place] = view.ascending ? nameRank[row] : count - 1 - nameRank[row]; });
    keys.sort();
    return Array.from(keys, (key) => byName[view.ascending ? key : count - 1 - key]);
  }
  const value = SORTS[view.sort];
  const values = report.profiles.map(value);
  const distinct = [...new Set(values)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  if (!view.ascending) distinct.reverse();
  const rankOf = new Map(distinct.map((each, rank) => [each, rank]));
  const ranks = values.map((each) => rankOf.get(each));
  rows.forEach((row, place) => { keys[place] = ranks[report.profile[row]] * count + nameRank[row]; });
  keys.sort();
  return Array.from(keys, (key) => byName[key % count]);
}

/* How many of the rows shown have each value of a facet. */
function countsShown() {
  const shown = new Uint32Array(report.profiles.length);
  for (const row of view.rows) shown[report.profile[row]]++;
  const counts = Object.fromEntries(Object.keys(FACETS).map((facet) => [facet, new Map()]));
  report.profiles.forEach((profile, index) => {
    if (!shown[index]) return;
    for (const [facet, value] of Object.entries(FACETS)) {
      const of = value(profile);
      counts[facet].set(of, (counts[facet].get(of) ?? 0) + shown[index]);
    }
  });
  return counts;
}
