//! AWS as a command uses it: the real SDK clients behind the ports.

use std::sync::Arc;

use shared::{
    aws::{self, ConnectOptions, Connection},
    domain::InstanceArn,
    engine::{EngineSettings, Reader, Rulebook},
    pace::Paces,
    ports::{
        AccessReader, AccessWriter, Clock, Directory, LedgerReader, OrganizationReader, PermissionSetReader,
        PermissionSetWriter,
    },
    settings::Settings,
};

use crate::{
    Failure, Machine,
    args::ConnectionArgs,
    progress::{CountedOrganization, Counts},
};

/// The services, ready to be asked.
#[derive(Clone)]
pub(crate) struct Aws {
    pub organization: Arc<dyn OrganizationReader>,
    pub directory: Arc<dyn Directory>,
    pub access: Arc<dyn AccessReader>,
    pub writer: Arc<dyn AccessWriter>,
    pub sets: Arc<dyn PermissionSetReader>,
    pub set_writer: Arc<dyn PermissionSetWriter>,
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aws").finish_non_exhaustive()
    }
}

impl Aws {
    /// Finds the instance: whatever is wrong with credentials, Region or endpoint shows here, before anything else is done.
    pub(crate) async fn of(connection: &Connection, instance: Option<InstanceArn>) -> Result<Self, Failure> {
        let sso_admin = Arc::new(connection.sso_admin(instance));
        let found = sso_admin.instance().await.map_err(Failure::Instance)?;
        Ok(Self {
            organization: Arc::new(connection.organizations()),
            directory: Arc::new(connection.identity_store(found.identity_store)),
            access: Arc::clone(&sso_admin) as Arc<dyn AccessReader>,
            sets: Arc::clone(&sso_admin) as Arc<dyn PermissionSetReader>,
            set_writer: Arc::clone(&sso_admin) as Arc<dyn PermissionSetWriter>,
            writer: sso_admin,
        })
    }

    /// The same services, with a count of the accounts that are read.
    pub(crate) fn counted(self) -> (Self, Arc<Counts>) {
        let counts = Arc::new(Counts::default());
        let organization = CountedOrganization::new(self.organization, Arc::clone(&counts));
        (Self { organization: Arc::new(organization), ..self }, counts)
    }

    /// What a decision may read.
    pub(crate) fn reader<'a>(
        &'a self,
        ledger: &'a dyn LedgerReader,
        rulebook: &'a Rulebook,
        clock: &'a dyn Clock,
    ) -> Reader<'a> {
        Reader {
            organization: self.organization.as_ref(),
            directory: self.directory.as_ref(),
            access: self.access.as_ref(),
            ledger,
            rulebook,
            clock,
        }
    }
}

/// Connects as the command line says, at the pace of a command's share, and with patience.
pub(crate) async fn connect(arguments: &ConnectionArgs, machine: &Machine) -> Result<Aws, Failure> {
    let connection = paced(with_role(connection(arguments, machine).await.patient())?, machine)?;
    Aws::of(&connection, arguments.instance_arn.clone()).await
}

/// The same way to AWS, at the pace of a command's share.
pub(crate) fn paced(connection: Connection, machine: &Machine) -> Result<Connection, Failure> {
    // What stands in for AWS is called by nobody else.
    if machine.connection.is_some() {
        return Ok(connection);
    }
    let share = Settings::from_env().command_share()?;
    Ok(connection.paced(Arc::new(Paces::new(share, Arc::clone(&machine.clock)))))
}

/// Connects without a pace, for the engine: it keeps to its own, and repeats calls itself.
pub(crate) async fn for_the_engine(arguments: &ConnectionArgs, machine: &Machine) -> Result<Aws, Failure> {
    let connection = with_role(connection(arguments, machine).await.sent_once())?;
    Aws::of(&connection, arguments.instance_arn.clone()).await
}

/// What only the management account may do goes by the role that the environment names, as the functions' calls do.
fn with_role(connection: Connection) -> Result<Connection, Failure> {
    Ok(connection.with_management_role(Settings::from_env().management_role_arn()?, "usher"))
}

/// The way to AWS that the command line says. Nothing is asked of the services yet.
pub(crate) async fn connection(arguments: &ConnectionArgs, machine: &Machine) -> Connection {
    let ConnectionArgs { endpoint_url, region, profile, instance_arn: _ } = arguments;
    match &machine.connection {
        Some(connection) => connection.clone(),
        None => {
            aws::connect(&ConnectOptions {
                region: region.clone(),
                endpoint_url: endpoint_url.clone(),
                profile: profile.clone(),
                ..ConnectOptions::default()
            })
            .await
        }
    }
}

/// How the engine works on this machine.
pub(crate) fn engine(machine: &Machine) -> Result<EngineSettings, Failure> {
    match machine.engine {
        Some(settings) => Ok(settings),
        None => Ok(Settings::from_env().engine()?),
    }
}

/// The same for a command that somebody asks: they are told what is so now, of one account as of all. What the ledger had of tags and of
/// names of OUs before is not believed.
pub(crate) fn engine_asked(machine: &Machine) -> Result<EngineSettings, Failure> {
    Ok(EngineSettings { facts_since: Some(machine.clock.now()), ..engine(machine)? })
}
