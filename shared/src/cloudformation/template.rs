//! What a template says about access: permission sets and assignments. What can't be followed is told with its place; the rest is read.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    evaluate::{Came, MOST, PERMISSION_SET, Scope},
    properties::{Properties, Reported, customer_managed, word},
    tree::{self, Node, Value},
};
use crate::{
    domain::{
        Account, AccountId, AccountState, AssignmentKey, OuPath, PermissionSet, PermissionSetArn, Principal,
        Tags,
    },
    import::{Declaration, Existing},
    rules::{
        Bundle, Problem, ROOT_FILE, SetContent,
        diagnostic::{Report, Source, Span},
    },
};

const ASSIGNMENT: &str = "AWS::SSO::Assignment";

/// The largest template that CloudFormation takes (CloudFormation user guide, "Quotas": 1 MB in S3); more is not read.
pub const MOST_BYTES: usize = 1_000_000;

/// What is given along with a template.
#[derive(Debug, Clone, Default)]
pub struct Given {
    pub parameters: BTreeMap<String, String>,
    pub account_id: Option<AccountId>,
    pub region: Option<String>,
}

/// A permission set of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSet {
    /// Its logical id.
    pub id: String,
    pub name: String,
    pub content: SetContent,
}

/// An assignment of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    pub set: SetOf,
    pub principal: Principal,
    pub account: AccountId,
    /// The parameters that named the principal and the account.
    pub called: (Option<String>, Option<String>),
}

/// Which permission set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetOf {
    /// The template's own, by its name.
    Named(String),
    Arn(PermissionSetArn),
}

/// What a template says.
#[derive(Debug, Clone, Default)]
pub struct Template {
    pub sets: Vec<TemplateSet>,
    pub assignments: Vec<Assigned>,
    /// What could not be followed, each with its place.
    pub problems: Vec<Problem>,
    /// Resources of other types, which are no rules.
    pub others: BTreeMap<String, usize>,
    /// Resources whose condition doesn't hold.
    pub switched_off: usize,
}

/// Why a template could not be read at all.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the template can't be followed, or not all of it")]
pub struct Problems(pub Vec<Problem>);

impl miette::Diagnostic for Problems {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        Some(Box::new(self.0.iter().map(|problem| problem as &dyn miette::Diagnostic)))
    }
}

impl fmt::Display for SetOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Arn(arn) => arn.fmt(f),
        }
    }
}

/// Reads a template of this name.
pub fn read(name: &str, text: &str, given: &Given) -> Result<Template, Problems> {
    if text.len() > MOST_BYTES {
        let source = Source::unseen(name);
        let start = Span { file: 0, start: 0, end: 0 };
        let why = format!("`{name}` has {} bytes; a template has at most {MOST_BYTES}", text.len());
        return Err(Problems(vec![Report::at(start, why).into_problem(&source)]));
    }
    let source = tree::source(name, text);
    let fatal = |report: Report| Problems(vec![report.into_problem(&source)]);
    let root = tree::parse(&source).map_err(|report| fatal(*report))?;
    let Some(resources) = root.get("Resources").filter(|it| matches!(it.value, Value::Map(_))) else {
        return Err(fatal(
            Report::at(root.span, "this is no CloudFormation template: it has no `Resources`")
                .label("no `Resources`"),
        ));
    };
    let mut reports = Vec::new();
    let scope = scope(&root, resources, given, &mut reports);
    if let Some(transform) = root.get("Transform") {
        let why = "what the transform makes of the template is known to CloudFormation only";
        reports.push(Report::at(transform.span, why).label("not looked into"));
    }
    let mut template = Template::default();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for kind in [PERMISSION_SET, ASSIGNMENT] {
        for entry in resources.entries() {
            let of_kind = entry.value.get("Type").and_then(Node::text);
            if kind == PERMISSION_SET && of_kind != Some(PERMISSION_SET) && of_kind != Some(ASSIGNMENT) {
                match of_kind {
                    Some(other) if other == "AWS::CloudFormation::Stack" || other.ends_with("::MODULE") => {
                        let why =
                            format!("`{}` ({other}) may give access by a template of its own", entry.key);
                        let report = Report::at(entry.span, why).label("not looked into");
                        reports.push(report.help("import that template too"));
                    }
                    Some(other) => *template.others.entry(other.to_owned()).or_default() += 1,
                    None => reports.push(
                        Report::at(
                            entry.span,
                            format!("`{}` is no resource that can be followed", entry.key),
                        )
                        .label("no `Type`"),
                    ),
                }
            }
            if of_kind != Some(kind) {
                continue;
            }
            if let Some(condition) = entry.value.get("Condition") {
                let name = condition.text().unwrap_or_default();
                match scope.holds(name, condition.span, &mut BTreeSet::new()) {
                    Ok(true) => {}
                    Ok(false) => {
                        template.switched_off += 1;
                        continue;
                    }
                    Err(unfollowed) => {
                        reports.push(unfollowed.report());
                        continue;
                    }
                }
            }
            let empty = Node { span: entry.value.span, value: Value::Map(Vec::new()) };
            let node = entry.value.get("Properties").unwrap_or(&empty);
            let properties = Properties { scope: &scope, node, reports: &mut reports };
            if kind == PERMISSION_SET {
                let Ok(set) = permission_set(&entry.key, properties) else { continue };
                if let Some(other) = template.sets.iter().find(|other| other.name == set.name) {
                    let why = format!("`{}` and `{}` have one name, `{}`", other.id, set.id, set.name);
                    reports.push(Report::at(entry.span, why).label("not imported"));
                } else if let Err(why) = can_be_declared(&set) {
                    reports.push(Report::at(entry.span, why).label("not imported"));
                } else {
                    names.insert(set.id.clone(), set.name.clone());
                    template.sets.push(set);
                }
            } else if let Ok(assigned) = assignment(properties, &names) {
                template.assignments.push(assigned);
            }
        }
    }
    template.problems = reports.into_iter().map(|report| report.into_problem(&source)).collect();
    template.problems.sort_by_key(|problem| (problem.plain().line, problem.plain().column));
    Ok(template)
}

fn scope<'a>(root: &'a Node, resources: &Node, given: &Given, reports: &mut Vec<Report>) -> Scope<'a> {
    let mut scope = Scope {
        parameters: BTreeMap::new(),
        missing: BTreeMap::new(),
        pseudo: BTreeMap::from([
            ("AWS::Partition", "aws".to_owned()),
            ("AWS::URLSuffix", "amazonaws.com".to_owned()),
        ]),
        mappings: root.get("Mappings"),
        conditions: root.get("Conditions"),
        left: Cell::new(MOST),
        resources: BTreeMap::new(),
    };
    if let Some(account) = &given.account_id {
        scope.pseudo.insert("AWS::AccountId", account.to_string());
    }
    if let Some(region) = &given.region {
        scope.pseudo.insert("AWS::Region", region.clone());
        let partition = match region.get(..3) {
            Some("cn-") => Some(("aws-cn", "amazonaws.com.cn")),
            Some("us-") if region.starts_with("us-gov-") => Some(("aws-us-gov", "amazonaws.com")),
            Some(_) | None => None,
        };
        if let Some((partition, suffix)) = partition {
            scope.pseudo.insert("AWS::Partition", partition.to_owned());
            scope.pseudo.insert("AWS::URLSuffix", suffix.to_owned());
        }
    }
    for entry in resources.entries() {
        let kind = entry.value.get("Type").and_then(Node::text).unwrap_or_default();
        scope.resources.insert(entry.key.clone(), kind.to_owned());
    }
    let declared = root.get("Parameters").map_or(&[] as &[tree::Entry], Node::entries);
    for entry in declared {
        let kind = entry.value.get("Type").and_then(Node::text).unwrap_or("String");
        let default = entry.value.get("Default");
        let is_in_doubt = default.is_some_and(|default| default.doubt().is_some());
        let default = default.filter(|_| !is_in_doubt).and_then(Node::text).map(str::to_owned);
        let value = given.parameters.get(&entry.key).cloned().or(default);
        // What Systems Manager has under a name is not its name.
        let is_stored = kind.starts_with("AWS::SSM::");
        match value.filter(|_| !is_stored || given.parameters.contains_key(&entry.key)) {
            None => {
                let help = format!("say it with --parameter {}=VALUE", entry.key);
                let help = if is_in_doubt {
                    format!("{help}, or write its `Default` in quotes: readers of YAML differ about it")
                } else {
                    help
                };
                scope.missing.insert(entry.key.clone(), help);
            }
            Some(value) => {
                let allowed = entry.value.get("AllowedValues").map(|node| match &node.value {
                    Value::List(items) => items.iter().filter_map(Node::text).collect(),
                    Value::Text { .. } | Value::Map(_) => Vec::new(),
                });
                if allowed.is_some_and(|allowed: Vec<&str>| !allowed.contains(&value.as_str())) {
                    let why = format!("`{value}` is none of the values that `{}` allows", entry.key);
                    reports.push(Report::at(entry.span, why).label("taken all the same"));
                }
                let text = |text: &str| Came::Text { text: text.to_owned(), plain: false };
                let is_list = kind == "CommaDelimitedList" || kind.starts_with("List<");
                let came = if is_list {
                    Came::List(value.split(',').map(|item| text(item.trim())).collect())
                } else {
                    text(&value)
                };
                scope.parameters.insert(entry.key.clone(), came);
            }
        }
    }
    let known = |name: &&String| !declared.iter().any(|entry| entry.key == **name);
    for name in given.parameters.keys().filter(known) {
        let near: Vec<&str> = declared.iter().map(|entry| entry.key.as_str()).take(8).collect();
        let report = Report::at(root.span, format!("the template has no parameter `{name}`"));
        reports.push(report.label("of this template").help(if near.is_empty() {
            "it has none at all".to_owned()
        } else {
            format!("it has {}", near.join(", "))
        }));
    }
    scope
}

fn permission_set(id: &str, mut properties: Properties<'_>) -> Result<TemplateSet, Reported> {
    properties.refuse_unknown(
        "a permission set",
        &[
            "Name",
            "InstanceArn",
            "Description",
            "SessionDuration",
            "RelayStateType",
            "ManagedPolicies",
            "CustomerManagedPolicyReferences",
            "InlinePolicy",
            "PermissionsBoundary",
            "Tags",
        ],
    );
    let name = properties.required_text("Name");
    let description = properties.text("Description");
    let session_duration = properties.parsed("SessionDuration");
    let relay_state = properties.text("RelayStateType");
    let aws_managed = properties.list("ManagedPolicies", |policy| {
        let arn = word(policy).ok_or_else(|| "a managed policy is an ARN".to_owned())?;
        arn.parse().map_err(|error: crate::domain::InvalidId| error.to_string())
    });
    let customer_managed = properties.list("CustomerManagedPolicyReferences", customer_managed);
    let (inline, boundary, tags) = (properties.policy(), properties.boundary(), properties.tags());
    let content = SetContent {
        description: description?,
        session_duration: session_duration?.unwrap_or_default(),
        relay_state: relay_state?,
        aws_managed: aws_managed?.into_iter().collect(),
        customer_managed: customer_managed?.into_iter().collect(),
        inline: inline?,
        boundary: boundary?,
        tags: tags?,
    };
    Ok(TemplateSet { id: id.to_owned(), name: name?, content })
}

/// Whether a rule document can declare it: what it may say is the reader's to know.
fn can_be_declared(set: &TemplateSet) -> Result<(), String> {
    let declaration = Declaration { name: set.name.clone(), content: set.content.clone(), adopt: false };
    let text = format!(
        "version: 1\nsettings: {{ mode: observe }}\npermission_sets:\n{}rules:\n  - {{ id: a, principals: [{{ group: a }}], permission_sets: [a], accounts: everywhere }}\n",
        crate::import::written(&declaration)
    );
    let bundle = Bundle { files: [(ROOT_FILE.to_owned(), text)].into() };
    let Err(mistakes) = crate::rules::read(&bundle) else { return Ok(()) };
    let first = mistakes.problems().first().map(|problem| problem.plain().message.clone());
    Err(format!("`{}` can't be declared: {}", set.id, first.unwrap_or_default()))
}

fn assignment(
    mut properties: Properties<'_>,
    names: &BTreeMap<String, String>,
) -> Result<Assigned, Reported> {
    let known = ["InstanceArn", "PermissionSetArn", "PrincipalId", "PrincipalType", "TargetId", "TargetType"];
    properties.refuse_unknown("an assignment", &known);
    let parameter = |key: &str| {
        let node = properties.node.get(key)?;
        node.get("Ref").and_then(Node::text).map(str::to_owned)
    };
    let called = (parameter("PrincipalId"), parameter("TargetId"));
    let set = match properties.required("PermissionSetArn") {
        Ok(Came::SetArn(id)) => names.get(&id).cloned().map(SetOf::Named).ok_or_else(|| {
            let why = format!("the permission set `{id}` was not imported, so nothing is given by it");
            properties.wrong_at("PermissionSetArn", why)
        }),
        Ok(_) => properties.required_id("PermissionSetArn").map(SetOf::Arn),
        Err(reported) => Err(reported),
    };
    let kind = properties.required("PrincipalType").ok().and_then(|kind| word(&kind));
    let principal = match kind.as_deref() {
        Some("USER") => properties.required_id("PrincipalId").map(Principal::User),
        Some("GROUP") => properties.required_id("PrincipalId").map(Principal::Group),
        Some(_) | None => Err(properties.wrong_at("PrincipalType", "`PrincipalType` is `USER` or `GROUP`")),
    };
    let account = properties.required_id("TargetId");
    if properties.text("TargetType")?.as_deref() != Some("AWS_ACCOUNT") {
        return Err(properties.wrong_at("TargetType", "`TargetType` is `AWS_ACCOUNT`"));
    }
    Ok(Assigned { set: set?, principal: principal?, account: account?, called })
}

/// What templates say, as an organization that has just that: rules for it list accounts, and pin whom a template knows by id only.
pub fn imported(templates: &[Template]) -> (Existing, Vec<Declaration>) {
    let mut existing = Existing::default();
    let mut arns: BTreeMap<SetOf, PermissionSetArn> = BTreeMap::new();
    let all = templates.iter().flat_map(|template| &template.assignments);
    let sets: BTreeSet<&SetOf> = all.clone().map(|assigned| &assigned.set).collect();
    // A template may write any ARN, and none that it writes stands for another set.
    let mut stand_ins = (0_u64..).filter_map(|number| {
        let arn = format!("arn:aws:sso:::permissionSet/ssoins-0000000000000000/ps-{number:016}");
        let arn: PermissionSetArn = arn.parse().ok()?;
        (!sets.contains(&&SetOf::Arn(arn.clone()))).then_some(arn)
    });
    for set in &sets {
        let (arn, name) = match set {
            SetOf::Arn(arn) => (Some(arn.clone()), String::new()),
            // It stands for the set that has this name.
            SetOf::Named(name) => (stand_ins.next(), name.clone()),
        };
        let Some(arn) = arn else { continue };
        arns.insert((*set).clone(), arn.clone());
        existing.sets.insert(arn.clone(), PermissionSet { arn, name, tags: Tags::default() });
    }
    for Assigned { set, principal, account, called } in all {
        let Some(permission_set) = arns.get(set).cloned() else { continue };
        let (who, place) = called;
        let name = who.clone().unwrap_or_default();
        existing.principals.entry(principal.clone()).or_insert(name);
        existing.pinned.insert(principal.clone());
        existing.accounts.entry(account.clone()).or_insert_with(|| Account {
            id: account.clone(),
            name: place.clone().unwrap_or_else(|| account.to_string()),
            state: AccountState::Active,
            path: OuPath::default(),
            tags: Tags::default(),
            is_management: false,
        });
        existing.assignments.insert(AssignmentKey {
            account: account.clone(),
            permission_set,
            principal: principal.clone(),
        });
    }
    let sets = templates.iter().flat_map(|template| &template.sets);
    let declarations =
        sets.map(|set| Declaration { name: set.name.clone(), content: set.content.clone(), adopt: false });
    (existing, declarations.collect())
}
