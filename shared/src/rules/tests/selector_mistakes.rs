//! What is said about mistakes in principals, permission sets and accounts.

use super::*;

#[test]
fn mistakes_in_principals() {
    let cases = [
        "everybody",
        "[]",
        "[Developers]",
        "[{}]",
        "[{ group: A, user_name: b }]",
        "[{ groups: A }]",
        "[{ members_of: }, { members_of: [A] }, { members_of: {} }, { members_of: { user_id: A } }, { members_of: { group_id: A } }]",
        "[{ group: }]",
        "[{ group: '' }]",
        "[{ group: yes }]",
        "[{ group: [A, B] }]",
        "[{ group: \"{account_tag.Team}-developers\" }]",
        "[{ group: \"{account_tags.Team}\" }, { group: \"{account}\" }, { user_name: \"{accountname}\" }, { members_of: \"{account_tag}\" }]",
        "[{ group: \"{team}\" }, { group: \"{\" }, { group: \"a}\" }]",
        "[{ group_id: Developers }]",
        "[{ user_id: 12 }, { user_id: alice }]",
    ];
    let list: Vec<_> =
        cases.iter().map(|case| format!("{case}\n{}", listed(&with_principals(case)))).collect();
    insta::assert_snapshot!(list.join(""), @r#"
    everybody
    5:15+9 expected a list of principals, such as `[ { group: Developers } ]`, found `everybody`
    []
    5:15+2 expected a list of principals, such as `[ { group: Developers } ]`, found an empty list | list at least one, or leave the key out if it is optional
    [Developers]
    5:16+10 expected a principal as a map with `group`, `group_id`, `user_name`, `user_id` or `members_of`, found `Developers`
    [{}]
    5:16+2 a principal has exactly one of `group`, `group_id`, `user_name`, `user_id` or `members_of`
    [{ group: A, user_name: b }]
    5:16+26 a principal has exactly one of `group`, `group_id`, `user_name`, `user_id` or `members_of` | list them one by one
    [{ groups: A }]
    5:18+6 a principal can't have the key `groups` | did you mean `group`?
    [{ members_of: }, { members_of: [A] }, { members_of: {} }, { members_of: { user_id: A } }, { members_of: { group_id: A } }]
    5:28+0 expected a group's name or a map such as `{ group_id: … }`, found nothing
    5:47+3 expected a group's name or a map such as `{ group_id: … }`, found a list
    5:68+2 `members_of` needs the key `group_id`
    5:90+7 `members_of` can't have the key `user_id` | `members_of` can have `group_id`
    5:132+1 `A` is not a group's id, such as 9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab
    [{ group: }]
    5:23+0 expected a group's name, found nothing
    [{ group: '' }]
    5:25+2 expected a group's name, found empty text
    [{ group: yes }]
    5:25+3 expected a group's name, found `yes`, which is true or false to YAML | quote it: "yes"
    [{ group: [A, B] }]
    5:25+6 expected a group's name, found a list
    [{ group: "{account_tag.Team}-developers" }]
    5:25+31 the rule can select accounts without the tag `Team` | add `tagged: { Team: { present: true } }` to its `accounts`
    [{ group: "{account_tags.Team}" }, { group: "{account}" }, { user_name: "{accountname}" }, { members_of: "{account_tag}" }]
    5:25+21 a name can't be made from `{account_tags.Team}` | did you mean `{account_tag.Team}`?
    5:59+11 a name can't be made from `{account}` | did you mean `{account_id}`?
    5:87+15 a name can't be made from `{accountname}` | did you mean `{account_name}`?
    5:120+15 a name can't be made from `{account_tag}` | name the tag's key: `{account_tag.Team}`
    [{ group: "{team}" }, { group: "{" }, { group: "a}" }]
    5:25+8 a name can't be made from `{team}` | names can be made from `{account_tag.Key}`, `{account_name}`, `{account_id}` and `{ou_name}`; what has braces in its own name can be pinned by its id
    5:46+3 `{` without `}` | names can be made from `{account_tag.Key}`, `{account_name}`, `{account_id}` and `{ou_name}`; what has braces in its own name can be pinned by its id
    5:62+4 `}` without `{` | names can be made from `{account_tag.Key}`, `{account_name}`, `{account_id}` and `{ou_name}`; what has braces in its own name can be pinned by its id
    [{ group_id: Developers }]
    5:28+10 `Developers` is not a group's id, such as 9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab
    [{ user_id: 12 }, { user_id: alice }]
    5:27+2 expected a user's id, found `12`, which is a number to YAML | quote it: "12"
    5:44+5 `alice` is not a user's id, such as 9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab
    "#);
}

#[test]
fn mistakes_in_permission_sets() {
    let cases = [
        "ReadOnly",
        "[]",
        "[[A]]",
        "[1, no]",
        "[a b]",
        "[A-name-of-more-than-thirty-two-characters]",
        "[arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef]",
        "[{ permission_set_arn: ReadOnly }]",
        "[{ name: A, tagged: { B: C } }]",
        "{ tagged: {} }",
        "{ tagged: { Environment: { present: false }, Environmint: x, B: { like: 5 } } }",
        "[\"{account_tag.Team}/x\", \"{account_name}-of-more-than-thirty-two-characters\", { name: \"{name}\" }]",
        "{ tagged: [Environment] }",
        "{ tagged: { on: x, Environment: [] } }",
    ];
    let list: Vec<_> =
        cases.iter().map(|case| format!("{case}\n{}", listed(&with_permission_sets(case)))).collect();
    insta::assert_snapshot!(list.join(""), @r#"
    ReadOnly
    6:20+8 expected a list of permission sets, such as `[ ReadOnlyAccess ]`, found `ReadOnly`
    []
    6:20+2 expected a list of permission sets, such as `[ ReadOnlyAccess ]`, found an empty list | list at least one, or leave the key out if it is optional
    [[A]]
    6:21+3 expected a permission set as a map with `name`, `permission_set_arn` or `tagged`, found a list
    [1, no]
    6:21+1 expected a permission set's name, found `1`, which is a number to YAML | quote it: "1"
    6:24+2 expected a permission set's name, found `no`, which is true or false to YAML | quote it: "no"
    [a b]
    6:21+3 no permission set can be called `a b` | a name has up to 32 letters, digits and `_+=,.@-`
    [A-name-of-more-than-thirty-two-characters]
    6:21+41 no permission set can be called `A-name-of-more-than-thirty-two-characters` | a name has up to 32 letters, digits and `_+=,.@-`
    [arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef]
    6:21+71 no permission set can be called `arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef` | to pin one by its ARN, write `{ permission_set_arn: … }`
    [{ permission_set_arn: ReadOnly }]
    6:43+8 `ReadOnly` is not a permission set's ARN, such as arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef
    [{ name: A, tagged: { B: C } }]
    6:21+29 a permission set has exactly one of `name`, `permission_set_arn` or `tagged` | list them one by one
    { tagged: {} }
    6:30+2 expected a map of tags, such as `{ Environment: Development }`, found an empty map
    { tagged: { Environment: { present: false }, Environmint: x, B: { like: 5 } } }
    6:56+5 `present` can only be `true` | write `{ absent: true }`
    6:65+11 selectors may not use the tag `Environmint` | did you mean `Environment`?
    6:92+1 expected a pattern, in which `*` is any text and `?` any one character, found `5`, which is a number to YAML | quote it: "5"
    ["{account_tag.Team}/x", "{account_name}-of-more-than-thirty-two-characters", { name: "{name}" }]
    6:21+22 no permission set can be called `{account_tag.Team}/x` | a name has up to 32 letters, digits and `_+=,.@-`
    6:45+51 no permission set can be called `{account_name}-of-more-than-thirty-two-characters` | a name has up to 32 letters, digits and `_+=,.@-`
    6:106+8 a name can't be made from `{name}` | names can be made from `{account_tag.Key}`, `{account_name}`, `{account_id}` and `{ou_name}`; what has braces in its own name can be pinned by its id
    { tagged: [Environment] }
    6:30+13 expected a map of tags, such as `{ Environment: Development }`, found a list
    { tagged: { on: x, Environment: [] } }
    6:32+2 expected a tag's key, found `on`, which is true or false to YAML | quote it: "on"
    6:52+2 expected a tag's value or a list of values, found an empty list | list at least one, or leave the key out if it is optional
    "#);
}

#[test]
fn mistakes_in_accounts() {
    let cases = [
        "",
        "everywere",
        "Workloads",
        "{}",
        "[]",
        "[[everywhere]]",
        "{ except: [{ named: a }] }",
        "{ in_ou: A, except: { named: a } }",
        "{ in_ou: / }",
        "{ in_ou: r-ab12 }",
        "{ in_ou: /Workloads/ }",
        "{ in_ou: ou-typo }",
        "{ in_ou: 'Workloads/*' }",
        "{ in_ous: A }",
        "{ id: 111122223333 }",
        "{ id: 012345678901 }",
        "{ id: [\"111122223333\", \"1\"] }",
        "{ id: web }",
        "{ named: { like: \"\" } }",
        "{ named: [web, { liek: a }, { present: true }, [x]] }",
        "{ named: { like: [a] } }",
        "{ named: 'dev-*' }",
        "{ named: [] }",
        "{ tagged: { Environment: [a, 'dev-*'], Team: { absent: false }, Version: { present: yes } } }",
        "{ tagged: { Team: { present: true, absent: true }, Version: {}, Owner: me, environment: x } }",
        "{ all_of: [everywhere], except: [{ tagged: { Owner: { present: true } } }] }",
        "{ tagged: { Version: 1.10 } }",
        "{ any_of: [] }",
        "{ all_of: everywhere }",
        "{ any_of: [{ in_ou: A, namd: b }, nowhere] }",
        "{ [a]: b, in_ou: A }",
        "!!map { in_ou: !x A }",
    ];
    let list: Vec<_> = cases.iter().map(|case| format!("{case}\n{}", listed(&with_accounts(case)))).collect();
    insta::assert_snapshot!(list.join(""), @r#"
    7:11+0 expected `everywhere` or a map such as `{ in_ou: Workloads }`, found nothing
    everywere
    7:13+9 expected `everywhere` or a map such as `{ in_ou: Workloads }`, found `everywere` | did you mean `everywhere`?
    Workloads
    7:13+9 expected `everywhere` or a map such as `{ in_ou: Workloads }`, found `Workloads`
    {}
    7:13+2 an account selector that says nothing about which accounts it selects | all accounts are `everywhere`; all but some are `{ all_of: [everywhere], except: […] }`
    []
    7:13+2 expected a list of account selectors, such as `[ { in_ou: Workloads } ]`, found an empty list | list at least one, or leave the key out if it is optional
    [[everywhere]]
    7:14+12 expected an account selector as a map with `in_ou`, `directly_in_ou`, `tagged`, `named`, `id`, `all_of`, `any_of` or `except`, found a list
    { except: [{ named: a }] }
    7:13+26 an account selector that says nothing about which accounts it selects | all accounts are `everywhere`; all but some are `{ all_of: [everywhere], except: […] }`
    { in_ou: A, except: { named: a } }
    7:33+12 expected a list of account selectors, such as `[ { in_ou: Workloads } ]`, found a map
    { in_ou: / }
    7:22+1 the root is not an OU | `accounts: everywhere` selects all accounts
    { in_ou: r-ab12 }
    7:22+6 the root is not an OU | `accounts: everywhere` selects all accounts
    { in_ou: /Workloads/ }
    7:22+11 `/Workloads/` is not the path of an OU | names from the outermost OU down, with `/` between them, such as `Workloads/Development`
    { in_ou: ou-typo }
    7:22+7 `ou-typo` is not an organizational unit's id, such as ou-ab12-cdefgh34
    { in_ou: 'Workloads/*' }
    7:22+13 `Workloads/*` looks like a pattern, and none is read here | `in_ou` takes in all that is below; an OU with `*` in its name can be selected by its id
    { in_ous: A }
    7:15+6 an account selector can't have the key `in_ous` | did you mean `in_ou`?
    { id: 111122223333 }
    7:19+12 expected an account's id in quotes, or a list of ids, found `111122223333`, which is a number to YAML | quote it: "111122223333"
    { id: 012345678901 }
    7:19+12 expected an account's id in quotes, or a list of ids, found `012345678901`, which is a number to YAML | quote it: "012345678901"
    { id: ["111122223333", "1"] }
    7:36+3 `1` is not an account id of 12 digits, such as 111122223333
    { id: web }
    7:19+3 `web` is not an account id of 12 digits, such as 111122223333
    { named: { like: "" } }
    7:30+2 expected a pattern, in which `*` is any text and `?` any one character, found empty text
    { named: [web, { liek: a }, { present: true }, [x]] }
    7:30+4 the pattern of a name can't have the key `liek` | did you mean `like`?
    7:43+7 the pattern of a name can't have the key `present` | the pattern of a name can have `like`
    7:60+3 expected an account's name or a list of names, found a list
    { named: { like: [a] } }
    7:30+3 expected a pattern, in which `*` is any text and `?` any one character, found a list
    { named: 'dev-*' }
    7:22+7 `dev-*` looks like a pattern, and none is read here | write `{ like: "dev-*" }`
    { named: [] }
    7:22+2 expected an account's name or a list of names, found an empty list | list at least one, or leave the key out if it is optional
    { tagged: { Environment: [a, 'dev-*'], Team: { absent: false }, Version: { present: yes } } }
    7:42+7 `dev-*` looks like a pattern, and none is read here | write `{ like: "dev-*" }`
    7:68+5 `absent` can only be `true` | write `{ present: true }`
    7:97+3 expected `true`, found `yes`
    { tagged: { Team: { present: true, absent: true }, Version: {}, Owner: me, environment: x } }
    7:31+31 the condition of a tag has exactly one of `like`, `present` or `absent` | list them one by one
    7:73+2 the condition of a tag has exactly one of `like`, `present` or `absent`
    7:77+5 selectors may not use the tag `Owner` | add it to `trusted_account_tags` in the settings if only those who may give access can set it
    7:88+11 selectors may not use the tag `environment` | did you mean `Environment`?
    { all_of: [everywhere], except: [{ tagged: { Owner: { present: true } } }] }
    7:58+5 selectors may not use the tag `Owner` | add it to `trusted_account_tags` in the settings if only those who may give access can set it
    { tagged: { Version: 1.10 } }
    7:34+4 expected a tag's value or a list of values, found `1.10`, which is a number to YAML | quote it: "1.10"
    { any_of: [] }
    7:23+2 expected a list of account selectors, such as `[ { in_ou: Workloads } ]`, found an empty list | list at least one, or leave the key out if it is optional
    { all_of: everywhere }
    7:23+10 expected a list of account selectors, such as `[ { in_ou: Workloads } ]`, found `everywhere`
    { any_of: [{ in_ou: A, namd: b }, nowhere] }
    7:36+4 an account selector can't have the key `namd` | did you mean `named`?
    7:47+7 expected `everywhere` or a map such as `{ in_ou: Workloads }`, found `nowhere`
    { [a]: b, in_ou: A }
    7:15+3 a key must be text | a value that begins with `{` or `[` must be put in quotes
    !!map { in_ou: !x A }
    7:13+5 YAML tags are not allowed | write the value without it; put text in quotes
    7:28+2 YAML tags are not allowed | write the value without it; put text in quotes
    "#);
}
