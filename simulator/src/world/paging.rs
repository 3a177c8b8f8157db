//! Pages with opaque tokens. A token remembers the last key, so that entries which come or go in between neither repeat nor hide others.

use uuid::Uuid;

use super::{Call, Service, Settings, ids::Ids};
use crate::ApiError;

/// What becomes of one page. AWS documents that pages can be short, and even empty, and still have a successor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cut {
    /// As many entries as there is room for.
    Whole,
    /// This part of them, and one at least.
    Short(f64),
    /// None, though there are some to come.
    Empty,
}

impl Cut {
    /// What the settings and chance make of the next page.
    pub(crate) fn by_chance(settings: &Settings, ids: &mut Ids) -> Self {
        let Settings { empty_pages, short_pages, .. } = settings;
        // Worlds without such pages draw nothing, so that nothing else changes in them.
        if *empty_pages > 0.0 && ids.fraction() < *empty_pages {
            return Self::Empty;
        }
        if *short_pages > 0.0 && ids.fraction() < *short_pages {
            return Self::Short(ids.fraction());
        }
        Self::Whole
    }

    fn of(self, size: usize) -> usize {
        match self {
            Self::Whole => size,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a part of a number up to a hundred"
            )]
            Self::Short(part) => ((size as f64 * part) as usize).max(1),
            Self::Empty => 0,
        }
    }
}

/// What a list call says about pages.
pub(crate) struct PageRequest<'a> {
    pub(crate) token: Option<&'a str>,
    pub(crate) size: Option<i64>,
}

/// How many entries a page of a service has at most.
fn maximum(service: Service) -> usize {
    match service {
        Service::Organizations => 20,
        Service::IdentityStore | Service::SsoAdmin | Service::Tagging => 100,
    }
}

/// Refuses a size that no page has, before anybody looks at what the call names.
pub(crate) fn page_size(call: &Call) -> Result<(), ApiError> {
    let Some(size) = call.input.get("MaxResults") else { return Ok(()) };
    let maximum = maximum(call.service);
    let bound = match size.as_i64() {
        Some(size) if size < 1 => "greater than or equal to 1".to_owned(),
        Some(size) if usize::try_from(size).is_ok_and(|size| size <= maximum) => return Ok(()),
        Some(_) | None => format!("less than or equal to {maximum}"),
    };
    Err(call.invalid("maxResults", &size.to_string(), &format!("Member must have value {bound}")))
}

/// Cuts one page out of entries that come ordered by their key.
pub(crate) fn page<T>(
    call: &Call,
    request: &PageRequest<'_>,
    entries: impl Iterator<Item = (String, T)>,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let maximum = maximum(call.service);
    let asked = request.size.map_or(maximum, |size| usize::try_from(size).unwrap_or_default().max(1));
    let size = call.cut.of(asked.min(call.page_size.max(1)).min(maximum));
    let (number, after) = request.token.map(|token| read_token(call, token)).transpose()?.unzip();
    let mut page = Vec::new();
    let mut last: Option<String> = None;
    let passed = |key: &String| after.as_ref().is_some_and(|after| key <= after);
    for (key, entry) in entries.skip_while(|(key, _)| passed(key)) {
        if page.len() == size {
            // An empty page is followed by the one that it stands before.
            let from = last.or(after).unwrap_or_default();
            let next = number.unwrap_or(0_u16).wrapping_add(1);
            return Ok((page, Some(write_token(call, next, &from))));
        }
        page.push(entry);
        last = Some(key);
    }
    Ok((page, None))
}

/// A token is bound to the call that gave it: 32 digits for the operation and its input, four for the page's number, by which the tokens of two
/// empty pages in a row differ, then the key.
fn write_token(call: &Call, number: u16, key: &str) -> String {
    use std::fmt::Write as _;
    let mut token = format!("{}{number:04x}", fingerprint(call).simple());
    for byte in key.bytes() {
        // Writing to a string can't fail.
        let _ = write!(token, "{byte:02x}");
    }
    token
}

fn read_token(call: &Call, token: &str) -> Result<(u16, String), ApiError> {
    let invalid = || match call.service {
        Service::Organizations => {
            ApiError::invalid_input("INVALID_NEXT_TOKEN", "You specified an invalid value for NextToken.")
        }
        Service::IdentityStore | Service::SsoAdmin => {
            ApiError::validation("The pagination token is not valid")
        }
        Service::Tagging => ApiError::new("InvalidParameterException", "The PaginationToken is not valid."),
    };
    let rest = token.strip_prefix(&fingerprint(call).simple().to_string()).ok_or_else(invalid)?;
    let (number, key) = rest.split_at_checked(4).ok_or_else(invalid)?;
    let number = u16::from_str_radix(number, 16).map_err(|_| invalid())?;
    let bytes: Option<Vec<u8>> = key
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    let key = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(invalid)?;
    Ok((number, key))
}

fn fingerprint(call: &Call) -> Uuid {
    let mut input = call.input.clone();
    if let Some(members) = input.as_object_mut() {
        for of_the_page in ["NextToken", "MaxResults", "PaginationToken", "ResourcesPerPage", "TagsPerPage"] {
            members.remove(of_the_page);
        }
    }
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{:?} {} {input}", call.service, call.operation).as_bytes())
}
