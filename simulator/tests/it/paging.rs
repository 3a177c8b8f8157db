//! Every list, page by page.

use serde_json::json;
use simulator::wire::{identity_store as store, sso_admin as sso};

use crate::faces::both;

#[test]
fn a_list_is_whole_whatever_the_size_of_its_pages() {
    both(|world| {
        let whole = world.all::<sso::ListPermissionSets>(json!({}), "PermissionSets");
        assert_eq!(whole.len(), 2);
        let one_by_one = world.all::<sso::ListPermissionSets>(json!({ "MaxResults": 1 }), "PermissionSets");
        assert_eq!(one_by_one, whole);
        assert_eq!(world.all::<store::ListGroups>(json!({ "MaxResults": 1 }), "Groups").len(), 2);
        assert_eq!(world.all::<store::ListUsers>(json!({ "MaxResults": 1 }), "Users").len(), 2);
        world.refused::<store::ListUsers>(json!({ "MaxResults": 101 }), "ValidationException");
    });
}
