//! The management account, reached from another one: the credentials of a role in it, and which calls go by them.
//!
//! There is one place where that is chosen, [`Call::by`]. A call that fails by one way is never tried by the other.

use std::{sync::Mutex, time::Duration};

use aws_config::identity::IdentityCache;
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use tokio::time::Instant;

use super::{connect::Connection, error::calling};
use crate::{
    domain::{AccountId, PermissionSetArn, ProvisioningTarget, RoleArn},
    ports::PortError,
};

/// How long STS may take to give credentials, all attempts together: less than an attempt of the call that waits for them.
const ASSUMED_WITHIN: Duration = Duration::from_secs(10);

/// How long it is believed what the management account has.
const BELIEVED: Duration = Duration::from_mins(1);

/// By whose credentials a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The function's own.
    Own,
    /// Those of the role in the management account.
    Role,
}

/// A call that the management account may have to make. All that is not here goes by the function's own credentials.
#[derive(Debug, Clone, Copy)]
pub(super) enum Call<'a> {
    /// `ListAccountAssignmentsForPrincipal`
    AssignmentsOfPrincipal,
    /// `GetResources`, which answers with nothing and no error in every other account.
    TagsInBulk,
    /// `CreateAccountAssignment` and `DeleteAccountAssignment` in this account.
    Assign(&'a AccountId),
    /// `ProvisionPermissionSet` for this target, and whether the management account has the permission set.
    Provision { target: &'a ProvisioningTarget, in_management: bool },
    /// What changes a permission set, and whether the management account has it.
    Change { in_management: bool },
    /// `Describe…Status` of a request that was made by these credentials.
    Follow(By),
}

impl Call<'_> {
    /// By whose credentials it is made, where there is a role in this account, the management account.
    pub(super) fn by(self, management: &AccountId) -> By {
        let is_managements = match self {
            Self::AssignmentsOfPrincipal | Self::TagsInBulk => true,
            Self::Assign(account) => account == management,
            Self::Provision { target: ProvisioningTarget::Account(account), in_management } => {
                account == management || in_management
            }
            Self::Provision { target: ProvisioningTarget::AllProvisionedAccounts, in_management }
            | Self::Change { in_management } => in_management,
            Self::Follow(by) => by == By::Role,
        };
        if is_managements { By::Role } else { By::Own }
    }
}

/// The same client twice: the function's own, and the role's if there is one.
#[derive(Debug, Clone)]
pub(super) struct Clients<C> {
    own: C,
    role: Option<(AccountId, C)>,
}

impl<C> Clients<C> {
    pub(super) fn own_only(own: C) -> Self {
        Self { own, role: None }
    }

    /// The same, with a client by the role in the management account.
    pub(super) fn with_role(self, management: AccountId, role: C) -> Self {
        Self { role: Some((management, role)), ..self }
    }

    pub(super) fn own(&self) -> &C {
        &self.own
    }

    /// The management account, if there is a role in it.
    pub(super) fn management(&self) -> Option<&AccountId> {
        self.role.as_ref().map(|(account, _)| account)
    }

    /// The client for a call, and whose it is.
    pub(super) fn of(&self, call: Call<'_>) -> (&C, By) {
        match &self.role {
            Some((management, client)) if call.by(management) == By::Role => (client, By::Role),
            Some(_) | None => (&self.own, By::Own),
        }
    }
}

/// The permission sets that the management account has, as they were a little while ago.
#[derive(Debug, Default)]
pub(super) struct InManagement(Mutex<Option<(Instant, Vec<PermissionSetArn>)>>);

impl InManagement {
    /// Whether the set is among them; `None` if that is not known any more.
    pub(super) fn knows(&self, set: &PermissionSetArn) -> Option<bool> {
        let known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (at, sets) = known.as_ref()?;
        (at.elapsed() < BELIEVED).then(|| sets.contains(set))
    }

    pub(super) fn learn(&self, sets: Vec<PermissionSetArn>) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((Instant::now(), sets));
    }
}

/// Why there are no credentials of the role. Whatever waited for them was not sent.
#[derive(Debug, thiserror::Error)]
#[error("cannot assume `{role}`")]
pub(super) struct NotAssumed {
    role: RoleArn,
    source: PortError,
}

/// Asks STS for the role's credentials. They are kept by the cache that the role's clients share.
#[derive(Debug)]
struct Assuming {
    sts: aws_sdk_sts::Client,
    role: RoleArn,
    session: String,
}

impl Assuming {
    async fn assume(&self) -> Result<Credentials, PortError> {
        let operation = "AssumeRole";
        let call = self.sts.assume_role().role_arn(self.role.as_str()).role_session_name(&self.session);
        let Ok(answer) = tokio::time::timeout(ASSUMED_WITHIN, call.send()).await else {
            return Err(PortError::Failed(format!("{operation}: STS did not answer in time")));
        };
        let answer = answer.map_err(calling(operation))?;
        let given = answer.credentials();
        let given = given.ok_or_else(|| super::error::unreadable(operation, "no credentials"))?;
        let until = std::time::SystemTime::try_from(*given.expiration());
        let until = until.map_err(|_| super::error::unreadable(operation, "no time that they hold until"))?;
        Ok(Credentials::new(
            given.access_key_id(),
            given.secret_access_key(),
            Some(given.session_token().to_owned()),
            Some(until),
            "the role in the management account",
        ))
    }
}

impl ProvideCredentials for Assuming {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let assumed: provider::Result = self.assume().await.map_err(|source| {
                CredentialsError::provider_error(NotAssumed { role: self.role.clone(), source })
            });
            assumed
        })
    }
}

/// The same way to AWS by the role's credentials. They are asked for at the first call, of STS in the Region of the connection, and again
/// before they expire; all clients have them in common.
pub(super) fn assuming(connection: &Connection, role: &RoleArn, session: &str) -> Connection {
    let sts = aws_sdk_sts::Client::new(connection.sdk_config());
    let provider = Assuming { sts, role: role.clone(), session: session.to_owned() };
    let config = connection
        .sdk_config()
        .clone()
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(provider))
        // Ours is the time limit that says what has failed.
        .identity_cache(IdentityCache::lazy().load_timeout(ASSUMED_WITHIN * 2).build())
        .build();
    Connection::new(config)
}

impl Connection {
    /// Whether STS gives credentials of this role to whoever this connection is: they are thrown away.
    pub async fn can_assume(&self, role: &RoleArn, session: &str) -> Result<(), PortError> {
        let sts = aws_sdk_sts::Client::new(self.sdk_config());
        let assuming = Assuming { sts, role: role.clone(), session: session.to_owned() };
        assuming.assume().await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(text: &str) -> AccountId {
        text.parse().unwrap()
    }

    #[test]
    fn only_what_the_management_account_alone_may_do_goes_by_its_role() {
        let (management, other) = (account("111122223333"), account("222233334444"));
        let one = |id: &AccountId| ProvisioningTarget::Account(id.clone());
        let (there, elsewhere) = (one(&management), one(&other));
        let all = ProvisioningTarget::AllProvisionedAccounts;
        let provision = |target, in_management| Call::Provision { target, in_management };
        for (call, by) in [
            (Call::AssignmentsOfPrincipal, By::Role),
            (Call::TagsInBulk, By::Role),
            (Call::Assign(&management), By::Role),
            (Call::Assign(&other), By::Own),
            (provision(&there, false), By::Role),
            (provision(&elsewhere, false), By::Own),
            (provision(&elsewhere, true), By::Role),
            (provision(&all, false), By::Own),
            (provision(&all, true), By::Role),
            (Call::Change { in_management: true }, By::Role),
            (Call::Change { in_management: false }, By::Own),
            (Call::Follow(By::Role), By::Role),
            (Call::Follow(By::Own), By::Own),
        ] {
            assert_eq!(call.by(&management), by, "{call:?}");
            let clients = Clients::own_only("own");
            assert_eq!(clients.of(call), (&"own", By::Own), "{call:?} where there is no role");
            let clients = clients.with_role(management.clone(), "role");
            assert_eq!(clients.of(call).1, by, "{call:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_management_account_has_is_believed_for_a_minute() {
        let set = |n: u8| -> PermissionSetArn {
            format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcde{n}")
                .parse()
                .unwrap()
        };
        let known = InManagement::default();
        assert_eq!(known.knows(&set(1)), None);
        known.learn(vec![set(1)]);
        assert_eq!((known.knows(&set(1)), known.knows(&set(2))), (Some(true), Some(false)));
        tokio::time::advance(BELIEVED).await;
        assert_eq!(known.knows(&set(1)), None);
    }
}
