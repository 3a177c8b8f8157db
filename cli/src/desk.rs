//! What a command plans with: AWS, the ledger, and rules from files or those in force.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use shared::{
    audit::Audit,
    domain::AccountId,
    engine::{
        self, AuditSettings, Auditor, EngineSettings, Planner, PublishError, ReadExisting, Rulebook,
        RulesOnHand, Steps, Survey, WantedNow,
    },
    ledger::{Cause, Forecast},
    local::FolderRules,
    plan,
    ports::{Clock, Ledger, RulesStore},
    settings::Settings,
};

use crate::{
    Failure, ImportFailure, Machine, Screen,
    args::{ConnectionArgs, LedgerAt},
    commands::plan::Rules,
    connect::{self, Aws},
    foresight::{Foreseeing, Foresight},
    ledger, names, once,
    planning::{self, Planned},
    progress::{self, Counts},
    report::Given,
    what_if::Supposed,
};

/// Everything that planning needs.
pub(crate) struct Desk {
    /// Its reading of accounts is counted.
    pub(crate) aws: Aws,
    pub(crate) ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    counts: Arc<Counts>,
    rulebook: Arc<Rulebook>,
    files: Vec<String>,
    given: Given,
    settings: EngineSettings,
    /// What AWS is seen by, where [`Desk::foreseeing`] made it.
    foresight: Foresight,
}

impl Desk {
    /// With the rules in these files; with those in force if there are none.
    pub(crate) async fn of(
        rules: &[PathBuf],
        ledger: Arc<dyn Ledger>,
        at: &LedgerAt,
        connection: &ConnectionArgs,
        machine: &Machine,
    ) -> Result<Self, Failure> {
        let (rulebook, files) = if rules.is_empty() {
            (Rulebook::of_store(store(at, connection, machine).await?), Vec::new())
        } else {
            read(rules, ledger.as_ref(), machine).await?
        };
        let desk = Self::with(rulebook, files, ledger, connection, machine).await?;
        Ok(Self { given: Given::of(rules, at, connection), ..desk })
    }

    /// With these rules, whatever is in force.
    pub(crate) async fn with_rules(
        rules: RulesOnHand,
        ledger: Arc<dyn Ledger>,
        connection: &ConnectionArgs,
        machine: &Machine,
    ) -> Result<Self, Failure> {
        Self::with(Rulebook::fixed(rules), Vec::new(), ledger, connection, machine).await
    }

    async fn with(
        rulebook: Rulebook,
        files: Vec<String>,
        ledger: Arc<dyn Ledger>,
        connection: &ConnectionArgs,
        machine: &Machine,
    ) -> Result<Self, Failure> {
        let settings = connect::engine_asked(machine)?;
        let (aws, counts) = connect::connect(connection, machine).await?.counted();
        let (clock, rulebook) = (Arc::clone(&machine.clock), Arc::new(rulebook));
        let (foresight, given) = (Foresight::default(), Given::default());
        Ok(Self { aws, ledger, clock, counts, rulebook, files, given, settings, foresight })
    }

    /// The same desk, which asks the organization and SSO Admin each question once.
    pub(crate) fn asking_once(self) -> Self {
        Self { aws: once::asked_once(&self.aws), ..self }
    }

    /// The same desk, for which declared permission sets are as they will be once they are kept.
    pub(crate) async fn foreseeing(self, screen: &mut Screen<'_>) -> Result<Self, Failure> {
        self.foreseeing_of(&Foreseeing::All, screen).await
    }

    /// The same, for one account if there is one: what is done to permission sets is no part of its plan.
    pub(crate) async fn foreseeing_for(
        self,
        account: Option<&AccountId>,
        screen: &mut Screen<'_>,
    ) -> Result<Self, Failure> {
        let which = if account.is_some() { Foreseeing::Assignments } else { Foreseeing::All };
        self.foreseeing_of(&which, screen).await
    }

    async fn foreseeing_of(self, which: &Foreseeing, screen: &mut Screen<'_>) -> Result<Self, Failure> {
        match self.foreseeing_if_it_can(which, screen).await? {
            (desk, None) => Ok(desk),
            (_, Some(failure)) => Err(failure),
        }
    }

    /// The same, or the desk as it is with the reason why declared permission sets could not be read.
    pub(crate) async fn foreseeing_if_it_can(
        self,
        which: &Foreseeing,
        screen: &mut Screen<'_>,
    ) -> Result<(Self, Option<Failure>), Failure> {
        let planner = self.planner();
        let looking = Box::pin(Foresight::of(&planner, &self.aws, which));
        match progress::while_reading(looking, &self.counts, self.clock.as_ref(), screen).await? {
            Ok(foresight) => Ok((Self { aws: foresight.seen(&self.aws), foresight, ..self }, None)),
            Err(failure @ Failure::DeclaredSets(_)) => Ok((self, Some(failure))),
            Err(failure) => Err(failure),
        }
    }

    /// Permission sets as they will be.
    pub(crate) fn foresight(&self) -> &Foresight {
        &self.foresight
    }

    /// The same desk in a world that is as supposed.
    pub(crate) async fn supposing(&self, supposed: &Supposed, machine: &Machine) -> Result<Self, Failure> {
        let organization = supposed.organization(Arc::clone(&self.aws.organization));
        let (rulebook, files) = if supposed.rules.is_empty() {
            (Arc::clone(&self.rulebook), self.files.clone())
        } else {
            let (rulebook, files) = read(&supposed.rules, self.ledger.as_ref(), machine).await?;
            (Arc::new(rulebook), files)
        };
        Ok(Self {
            aws: Aws { organization, ..self.aws.clone() },
            ledger: Arc::clone(&self.ledger),
            clock: Arc::clone(&self.clock),
            counts: Arc::clone(&self.counts),
            rulebook,
            files,
            given: self.given.clone(),
            settings: self.settings,
            foresight: Foresight::default(),
        })
    }

    /// The keys of accounts' tags that the rules may look at.
    pub(crate) async fn trusted_account_tags(&self) -> Result<BTreeSet<String>, Failure> {
        let rules = self.rulebook.in_force(self.ledger.as_ref()).await.map_err(Failure::Read)?;
        Ok(rules.index.settings().trusted_account_tags.clone())
    }

    /// The files of the rules; none where they are those in force.
    pub(crate) fn files(&self) -> &[String] {
        &self.files
    }

    /// Where everything is, as commands have to say that are suggested.
    pub(crate) fn given(&self) -> &Given {
        &self.given
    }

    pub(crate) fn planner(&self) -> Planner<'_> {
        let reader = self.aws.reader(self.ledger.as_ref(), &self.rulebook, self.clock.as_ref());
        Planner { reader, settings: self.settings }
    }

    /// Reads who has access to what, and shows how far it is.
    pub(crate) async fn audit(
        &self,
        settings: &AuditSettings,
        before: Option<&Audit>,
        screen: &mut Screen<'_>,
    ) -> Result<Audit, Failure> {
        let Planner { reader, settings: engine } = self.planner();
        let (sets, steps) = (self.aws.sets.as_ref(), Steps::default());
        let auditor = Auditor { reader, sets, settings: engine, auditing: settings, steps: &steps };
        let reading = auditor.audit(before);
        let audit = progress::while_auditing(reading, &steps, self.clock.as_ref(), screen).await?;
        audit.map_err(Failure::Audit)
    }

    /// Plans, and shows how far it is. Declared permission sets are as they are, unless [`Desk::foreseeing`] made the desk.
    pub(crate) async fn plan(
        &self,
        account: Option<&AccountId>,
        cause: &Cause,
        screen: &mut Screen<'_>,
    ) -> Result<Planned, Failure> {
        let planner = self.planner();
        let planning =
            Box::pin(planning::plan(&planner, &self.foresight, account, self.files.clone(), cause));
        let made = progress::while_reading(planning, &self.counts, self.clock.as_ref(), screen).await?;
        let mut made = made?;
        made.report.given = self.given.clone();
        Ok(made)
    }
}

impl Desk {
    /// Reads everything that there is, and shows how far it is.
    pub(crate) async fn existing(&self, screen: &mut Screen<'_>) -> Result<ReadExisting, Failure> {
        let planner = self.planner();
        let existing = progress::while_reading(planner.existing(), &self.counts, self.clock.as_ref(), screen);
        Ok(existing.await?.map_err(ImportFailure::Existing)?)
    }

    /// What the rules want, whatever there is.
    pub(crate) async fn wanted_now(&self, screen: &mut Screen<'_>) -> Result<WantedNow, Failure> {
        let planner = self.planner();
        let wanted = progress::while_reading(planner.wanted_now(), &self.counts, self.clock.as_ref(), screen);
        Ok(wanted.await?.map_err(ImportFailure::Existing)?)
    }

    /// Decides about everything, and shows how far it is.
    pub(crate) async fn survey(&self, cause: &Cause, screen: &mut Screen<'_>) -> Result<Survey, Failure> {
        let planner = self.planner();
        let looking = planner.everything(cause);
        let survey = progress::while_reading(looking, &self.counts, self.clock.as_ref(), screen).await?;
        survey.map_err(Failure::Read)
    }

    /// Plans everything, in numbers, and shows how far it is.
    pub(crate) async fn forecast(&self, cause: &Cause, screen: &mut Screen<'_>) -> Result<Forecast, Failure> {
        let planner = self.planner();
        let looking = planner.forecast(cause);
        let forecast = progress::while_reading(looking, &self.counts, self.clock.as_ref(), screen).await?;
        let mut forecast = forecast.map_err(Failure::Read)?;
        names::name_principals(&mut forecast.beyond, planner.reader.into()).await;
        // The whole plan has the same name, which is what can be approved.
        let plan = match self.foresight.fingerprint.as_str() {
            "" => forecast.plan,
            fingerprint => plan::hash_with(&forecast.plan, fingerprint),
        };
        Ok(Forecast { plan, sets_unread: self.foresight.unread_names(), ..forecast })
    }
}

/// Rules from files that may come into force.
async fn read(
    rules: &[PathBuf],
    ledger: &dyn Ledger,
    machine: &Machine,
) -> Result<(Rulebook, Vec<String>), Failure> {
    let Rules { on_hand, files, bundle } = Rules::read(rules)?;
    match engine::may_follow(&bundle, ledger, machine.clock.now()).await {
        // What they would do has to be seen before anybody can approve it. The plan says so.
        Ok(()) | Err(PublishError::Shrunk { .. }) => {}
        Err(error) => return Err(Failure::Publish(error)),
    }
    Ok((Rulebook::fixed(on_hand), files))
}

impl Desk {
    /// Says of a plan whether its rules would be refused for what they newly give beyond scopes. A plan needs no bucket: where the rules in
    /// force can't be fetched, it can't be said.
    pub(crate) async fn weigh(
        &self,
        planned: &mut Planned,
        at: &LedgerAt,
        connection: &ConnectionArgs,
        machine: &Machine,
    ) -> Result<(), Failure> {
        if planned.beyond.is_empty() {
            return Ok(());
        }
        let in_force = self.ledger.rules_in_force().await?;
        let weighed = match store(at, connection, machine).await {
            Ok(store) => planned.weigh(in_force.as_ref(), store.as_ref()).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = weighed {
            let why = shared::causes::joined(&error);
            tracing::warn!(
                why,
                "whether these rules would be refused can't be said: the rules in force can't be fetched"
            );
        }
        Ok(())
    }
}

/// Where the rules in force are kept: beside a ledger in a file, in the bucket of the deployed functions otherwise.
pub(crate) async fn store(
    at: &LedgerAt,
    connection: &ConnectionArgs,
    machine: &Machine,
) -> Result<Arc<dyn RulesStore>, Failure> {
    Ok(match at {
        LedgerAt::File(path) => Arc::new(FolderRules::new(&ledger::folder(path))),
        LedgerAt::Table(_) => {
            let rules = Settings::from_env().rules()?;
            Arc::new(connect::connection(connection, machine).await.rules(&rules.bucket, &rules.prefix))
        }
    })
}
