// Reports of organizations that nobody has: `node sample.mjs small|large|empty` writes one to stdout, as `usher audit
// --output json` would. The same size gives the same bytes.

const SIZES = {
  small: { accounts: 14, sets: 9, people: 26, groups: 9, days: 9 },
  large: { accounts: 1000, sets: 100, people: 2000, groups: 220, days: 30 },
  empty: { accounts: 0, sets: 0, people: 0, groups: 0, days: 0 },
};
const TAKEN = Date.UTC(2026, 10, 30, 6, 15) / 1000;
const DAY = 86_400;

/** Chance that is the same every time (mulberry32). */
function chance(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (end) => Math.floor(next() * end);
  return { next, below, one: (list) => list[below(list.length)], often: (share) => next() < share };
}

const stamp = (seconds) => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
const letters = (number, length) => number.toString(36).padStart(length, "0");
const uuid = (kind, number) => `${kind}0000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;
const arn = (number) => `arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-${letters(number, 16)}`;
const accountId = (number) => String(100_000_000_000 + number * 91_823_147 % 899_999_999_999).padStart(12, "0");

const TREE = [
  "Infrastructure", "Infrastructure/Network", "Infrastructure/Shared Services", "Sandbox", "Security", "Suspended",
  "Workloads", "Workloads/Development", "Workloads/Production", "Workloads/Production/Regulated", "Workloads/Staging",
];
const PRODUCTS = [
  "billing", "catalog", "checkout", "claims", "data lake", "delivery", "documents", "fraud", "identity", "invoicing", "ledger", "loyalty", "maps",
  "mobile", "notifications", "orders", "partners", "payments", "pricing", "recommendations", "reporting", "returns", "risk", "search", "stock", "support", "warehouse", "web",
];
const PLACES = [["Workloads/Production", "prod"], ["Workloads/Development", "dev"], ["Workloads/Staging", "staging"], ["Sandbox", "sandbox"], ["Workloads/Production/Regulated", "regulated"], ["Infrastructure/Network", "network"], ["Infrastructure/Shared Services", "shared"]];
const SETS = [
  ["ReadOnlyAccess", "Look at everything, change nothing"], ["DeveloperAccess", "Build and run in development accounts"], ["PowerUserAccess", "Everything but identity"],
  ["BillingAccess", "Costs and invoices"], ["SecurityAudit", "What auditors look at"], ["DatabaseAdministrator", "Databases, and nothing else"],
  ["NetworkOperator", "Networks of all accounts"], ["BreakGlassAdministrator", "For emergencies: everything, one hour"], ["SupportAccess", null],
];
const FIRST = ["Aiko", "Alice", "Amara", "Anders", "Beatriz", "Carlos", "Chloé", "Dmitri", "Elif", "Fatima", "Frank", "Grace", "Hugo", "Ingrid", "Jonas", "Kofi", "Lena", "Mateo", "Noor", "Olga", "Priya", "Quentin", "Ravi", "Sofia", "Tomás", "Uma", "Viktor", "Wei", "Ximena", "Yusuf", "Zoë"];
const LAST = ["Abe", "Bauer", "Costa", "Demir", "Eriksen", "Fischer", "García", "Haddad", "Ivanova", "Jansen", "Kowalski", "Lindqvist", "Mensah", "Novák", "Okafor", "Petrov", "Quist", "Rossi", "Sato", "Tanaka", "Usman", "Varga", "Weber", "Xu", "Yılmaz", "Zhang"];
/** Names that try to be more than names. Each is some person's, group's, account's or tag's. */
export const HOSTILE = ["</script><script>document.title='broken'</script>", "<!-- <img src=x onerror=\"document.title='broken'\">", "line\u2028and\u2029paragraph", `quote " and ' and {{data}} and \\u003c`, "\u202eright to left", "javascript:alert(1)"];

/** A report of this size. */
export function sample(size) {
  const { accounts: manyAccounts, sets: manySets, people: manyPeople, groups: manyGroups, days } = SIZES[size];
  const { below, one, often } = chance(20261130);
  const empty = size === "empty";

  const units = empty ? [] : [...TREE, ...(size === "large" ? PRODUCTS.slice(0, 16).map((product) => `Workloads/Production/${product}`) : [])];
  const organizational_units = units.sort().map((path, index) => ({ path, id: `ou-ab12-${letters(index + 1, 8)}` }));
  const leaves = size === "large" ? [...PLACES, ...PRODUCTS.slice(0, 16).map((product) => [`Workloads/Production/${product}`, "prod"])] : PLACES;

  const accounts = Array.from({ length: manyAccounts }, (_, index) => {
    const id = accountId(index + 1);
    if (index === 0) return { id, name: "management", ou: "", state: "ACTIVE", management: true };
    if (index === 1) return { id, name: "log archive", ou: "Security", state: "ACTIVE", tags: { Environment: "Security" } };
    if (index === 2) return { id, name: "left behind", ou: "Suspended", state: "SUSPENDED" };
    if (index === 3) return { id, name: HOSTILE[0], ou: "Sandbox", state: "ACTIVE", tags: { Team: HOSTILE[3], Note: HOSTILE[2] } };
    const [ou, suffix] = leaves[index % leaves.length];
    const product = size === "large" ? one(PRODUCTS) : PRODUCTS[(index * 5) % PRODUCTS.length];
    const name = size === "large" ? `${product} ${suffix} ${String(index).padStart(3, "0")}` : `${product} ${suffix}`;
    const environment = { prod: "Production", dev: "Development", staging: "Staging", sandbox: "Sandbox", regulated: "Production" }[suffix] ?? "Shared";
    const account = { id, name, ou, state: "ACTIVE", tags: { Environment: environment, Team: product.replace(" ", "-") } };
    if (index === 9) account.unread = true;
    return account;
  }).sort((a, b) => (a.id < b.id ? -1 : 1));

  const people = Array.from({ length: manyPeople }, (_, index) => {
    const first = FIRST[index % FIRST.length];
    const last = LAST[(index * 7 + Math.floor(index / FIRST.length)) % LAST.length];
    const again = Math.floor(index / (FIRST.length * LAST.length)) + (size === "large" ? index % 7 : 0);
    const user = `${first}.${last}${again || ""}@example.com`.normalize("NFD").replace(/[^\w.@]/g, "").toLowerCase();
    const person = { id: uuid("a", index + 1), user_name: user, display_name: `${first} ${last}` };
    if (index === 5) return { ...person, display_name: HOSTILE[1] };
    if (index === 6) return { ...person, display_name: HOSTILE[4] };
    if (index === 7) return { id: person.id, user_name: user };
    if (index === 8) return { ...person, gone: true };
    return person;
  }).sort((a, b) => (a.user_name < b.user_name ? -1 : 1));

  const groupNames = ["Auditors", "Break Glass", "Database Team", "Developers", "Finance", "Network", "On Call", "Platform", HOSTILE[3]];
  const groups = Array.from({ length: manyGroups }, (_, index) => {
    const name = groupNames[index] ?? `${PRODUCTS[index % PRODUCTS.length].replace(" ", "-")}-${["developers", "operators", "owners", "readers", "testers", "partners", "leads", "on-call"][Math.floor(index / PRODUCTS.length)]}`;
    const wanted = index === 1 ? 0 : 2 + below(Math.min(manyPeople - 2, size === "large" ? (index % 9 === 0 ? 160 : 24) : 9));
    const members = new Set();
    while (members.size < wanted) members.add(one(people).id);
    const group = { id: uuid("b", index + 1), name, members: [...members].sort() };
    if (index === 6) return { ...group, members: [], members_unread: true };
    return group;
  });
  if (!empty) groups.push({ id: uuid("b", 9999), name: "Contractors 2024", members: [], gone: true });
  groups.sort((a, b) => (a.name < b.name ? -1 : 1));

  const permission_sets = Array.from({ length: manySets }, (_, index) => {
    const [base, description] = SETS[index % SETS.length];
    const product = PRODUCTS[(index * 3) % PRODUCTS.length].replace(" ", "");
    const name = index < SETS.length ? base : `${product[0].toUpperCase()}${product.slice(1)}-${base.replace(/Access|Administrator/, "")}`.slice(0, 32);
    const set = { arn: arn(index + 1), name, session_duration: ["PT1H", "PT8H", "PT4H", "PT1H30M"][index % 4], managed_policies: [`arn:aws:iam::aws:policy/${base.endsWith("Access") ? base : "ReadOnlyAccess"}`], provisioned: [] };
    if (description) set.description = description;
    if (index % 3 === 1) set.inline_policy = { Version: "2012-10-17", Statement: [{ Sid: "OwnBuckets", Effect: "Allow", Action: ["s3:GetObject", "s3:PutObject"], Resource: "arn:aws:s3:::${aws:PrincipalTag/Team}-*/*" }] };
    if (index % 4 === 2) set.customer_managed_policies = [{ path: "/teams/", name: "Boundaries" }];
    if (index % 5 === 2) set.permissions_boundary = { customer_managed: { path: "/", name: "Guard" } };
    if (index % 4 !== 3) Object.assign(set, { declared: true, tags: { Environment: "All", Owner: "platform" } });
    if (index === 1) Object.assign(set, { differs: true, relay_state: "https://console.aws.amazon.com/cloudwatch/home" });
    if (index === 5) set.unread = true;
    if (index === 8) set.managed_policies = [];
    return set;
  });

  const rules = ["developers-in-development", "read-everywhere", "auditors", "team-tag", "break-glass", "databases", "finance-billing", "network", "on-call-production", "partners-until-spring"];
  const causes = ["event:0f3c9a1e-7a34-4f6e-9a53-2f6a6f1d5b11", "event:CreateAccountResult 7d1e", "sweep:2026-11-24T02:00:00Z", "command:usher apply", "turn:partners-until-spring ends", "sweep:2026-11-30T02:00:00Z"];
  const assignments = [];
  const target = size === "large" ? 50 : 4.2;
  const groupsOfSet = permission_sets.map(() => Array.from({ length: 3 }, () => one(groups)));
  for (const account of accounts) {
    if (account.name === "left behind") continue;
    for (const [index, set] of permission_sets.entries()) {
      if (!often(target / manySets)) continue;
      const principals = new Map();
      const many = often(0.25) ? 2 : 1;
      for (let turn = 0; turn < many; turn += 1) {
        const group = often(0.97) ? one(groupsOfSet[index].slice(0, 2)) : groupsOfSet[index][2];
        if (often(size === "large" ? 0.06 : 0.2)) principals.set(one(people).id, "user");
        else principals.set(group.id, "group");
      }
      for (const [id, kind] of [...principals].sort()) {
        const gone = kind === "group" ? groups.find((group) => group.id === id).gone : people.find((person) => person.id === id).gone;
        const dice = below(size === "large" ? 400 : 30);
        const row = { account: account.id, permission_set: set.arn, principal: { [kind]: id }, present: true, standing: "ours", ours: true, wanted: true, rules: [rules[(index + (dice % 2)) % rules.length]], since: stamp(TAKEN - below(300) * DAY - below(40) * 1800), cause: causes[below(3)] };
        if (often(0.2)) row.rules = [...new Set([...row.rules, one(rules)])].sort();
        if (gone) Object.assign(row, { standing: "orphaned", wanted: false, note: "its principal was deleted; it goes after a day’s grace" });
        else if (dice < 3) {
          Object.assign(row, { standing: "foreign", ours: false, wanted: false });
          for (const key of ["rules", "since", "cause"]) delete row[key];
        } else if (dice === 3) Object.assign(row, { standing: "uncertain", ours: false, note: "an answer was lost; settled by `usher adopt` or `usher disown`" });
        else if (dice === 4) Object.assign(row, { standing: "pending", present: false, note: "waits for its turn since a minute" });
        else if (dice === 5) Object.assign(row, { standing: "drifted", present: false, note: "was taken away by others" });
        else if (dice === 6) Object.assign(row, { standing: "drifted", wanted: false, note: "no rule wants it any more" });
        else if (dice < 9) row.until = stamp(TAKEN + (2 + below(40)) * DAY);
        for (const key of ["ours", "wanted"]) if (!row[key]) delete row[key];
        assignments.push(row);
        if (row.present && !set.provisioned.includes(account.id)) set.provisioned.push(account.id);
      }
    }
  }
  for (const [index, set] of permission_sets.entries()) {
    set.provisioned.sort();
    if (index % 6 === 1) set.outdated = set.provisioned.filter((_, at) => at % 4 === 0);
  }
  assignments.sort((a, b) => (a.account + a.permission_set < b.account + b.permission_set ? -1 : a.account + a.permission_set > b.account + b.permission_set ? 1 : 0));
  permission_sets.sort((a, b) => (a.name < b.name ? -1 : 1));

  const changes = [];
  const kinds = ["granted", "granted", "granted", "granted", "revoked", "revoked", "appeared", "joined", "joined", "left", "gone", "adopted", "blocked"];
  for (let day = 0; day < days; day += 1) {
    for (let turn = below(size === "large" ? 40 : 5); turn > 0; turn -= 1) {
      const change = one(kinds);
      const at = stamp(TAKEN - day * DAY - below(DAY));
      const from = one(assignments);
      if (change === "joined" || change === "left") changes.push({ at, change, principal: { group: one(groups).id }, person: one(people).id });
      else {
        const row = { at, change, account: from.account, permission_set: from.permission_set, principal: from.principal };
        if (change !== "appeared") Object.assign(row, { cause: one(causes), rules: [one(rules)] });
        if (change === "blocked") row.note = "AWS says that the role of the permission set is in use by another";
        changes.push(row);
      }
    }
  }
  if (!empty) {
    changes.push({ at: stamp(TAKEN - 2 * DAY), change: "account_moved", account: accounts[5].id, note: "from Workloads/Development to Workloads/Production" });
    changes.push({ at: stamp(TAKEN - 3 * DAY), change: "set_edited", permission_set: permission_sets[1].arn, note: "its inline policy, its session" });
    changes.push({ at: null, change: "set_deleted", permission_set: arn(4242), note: "LegacyAdmin" });
    changes.push({ at: null, change: "gone", account: accounts[4].id, permission_set: permission_sets[0].arn, principal: { group: uuid("b", 8888) }, note: "the group Interns" });
  }
  changes.sort((a, b) => (a.at === null) - (b.at === null) || (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));

  // Of one account it could not be read who has access: it has nobody, and must not look so.
  const dark = accounts.find((account) => account.name === "reporting regulated") ?? accounts.at(-1);
  const at9 = accounts.find((account) => account.unread);
  return {
    format: 1,
    taken: {
      began: stamp(TAKEN - 95), ended: stamp(TAKEN), instance: "arn:aws:sso:::instance/ssoins-1234567890abcdef", identity_store: "d-9067642ac1", region: "eu-central-1",
      management_account: accounts.find((account) => account.management)?.id ?? accountId(1), rules: empty ? null : "5f0c6b7f6f3c41f5b2a94f0f0a8d4c1e5f0c6b7f6f3c41f5b2a94f0f0a8d4c1e", mode: empty ? null : "sync",
      since: empty ? null : stamp(TAKEN - days * DAY), way: size === "large" ? "by_principal" : "by_account",
    },
    unread: empty ? [] : [
      { what: `the tags of account ${at9.id}`, why: "AWS says that it gets too many requests, after 8 tries", scope: { of: "account", account: at9.id } },
      { what: "the members of group On Call", why: "AccessDeniedException: not authorized to perform identitystore:ListGroupMemberships", scope: { of: "members", group: uuid("b", 7) } },
      { what: `the assignments of account ${dark.id}`, why: "AWS answered with an error of its own", scope: { of: "assignments", account: dark.id } },
      { what: "what permission set DatabaseAdministrator holds", why: "AWS answered with an error of its own", scope: { of: "permission_set", permission_set: arn(6) } },
    ],
    changed_meanwhile: empty ? [] : ["account 111122223333 was moved while its assignments were read"],
    organizational_units, accounts, permission_sets, groups, people, assignments: assignments.filter((one) => one.account !== dark?.id), changes,
  };
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  if (!SIZES[process.argv[2]]) {
    console.error(`say which: ${Object.keys(SIZES).join(", ")}`);
    process.exit(2);
  }
  process.stdout.write(JSON.stringify(sample(process.argv[2])));
}
