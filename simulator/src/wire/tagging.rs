//! The Resource Groups Tagging API's shapes (API version 2017-01-26), as far as they concern Organizations: `GetResources`.

use super::{Absent, Tag, inputs, outputs};

inputs! {
    /// Input of `GetResources`.
    GetResources {
        pagination_token: Option<String>, tag_filters: Option<Vec<TagFilter>>, resources_per_page: Option<i64>, tags_per_page: Option<i64>,
        resource_type_filters: Option<Vec<String>>, include_compliance_details: Option<bool>, exclude_compliant_resources: Option<bool>,
        #[serde(rename = "ResourceARNList")] resource_arn_list: Option<Vec<String>>,
    }
    /// A key, and the values of which it must have one; any, if there are none.
    TagFilter { key: Option<String>, values: Option<Vec<String>> }
}

outputs! {
    /// Output of `GetResources`. The token is empty, not absent, when there is no more.
    GetResourcesOutput { pagination_token: String, resource_tag_mapping_list: Vec<ResourceTagMapping> }
    /// What is or was tagged, with its tags.
    ResourceTagMapping {
        #[serde(rename = "ResourceARN")] resource_arn: String, tags: Vec<Tag>, compliance_details: Option<ComplianceDetails>,
    }
    /// Whether the tags are as a tag policy wants them; there are no tag policies here, so they always are.
    ComplianceDetails { noncompliant_keys: Vec<String>, keys_with_noncompliant_values: Vec<String>, compliance_status: bool }
}

impl Absent for ResourceTagMapping {}
