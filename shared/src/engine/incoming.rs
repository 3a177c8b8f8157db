//! Rules that somebody uploaded: checked, planned, refused whole or brought into force, and the answer left beside them.
//!
//! The event names an object and nothing else is taken from it: the object is read as it is now. What can't be decided now (AWS can't be
//! read, the ledger can't be written) is an error, and comes again; what is wrong with the rules never gets better, and is answered.

use std::{fmt::Write as _, sync::Arc};

use jiff::Timestamp;

use super::{
    DeclaredSetsError, EngineSettings, Inbox, InboxError, Planner, Press, PublishError, Published, Reader,
    Rulebook, RulesOnHand, hint_everywhere, may_follow, publications,
    publish::{hint_if_nobody_did, is_not_overtaken},
    weigh,
};
use crate::{
    causes,
    domain::RulesVersion,
    ledger::{Cause, Forecast, Provenance, Publication, PublishedBy},
    metrics::Metric,
    outcome::{Happened, Outcome},
    ports::{
        AccessReader, Ledger, LedgerError, PermissionSetReader, PortError, Queue, RulesInForce, RulesStore,
        Upload, UploadContent, Uploads,
    },
    rules::{Bundle, MAX_STORED_BYTES, PlainProblem},
};

/// The function that takes uploads in.
const FUNCTION: &str = "on-rules-change";

/// What is behind the name of an upload in the names of what became of it: for machines, and for people.
const ANSWERS: [&str; 2] = [".result.json", ".result.txt"];

/// The longest name of an object in S3, in bytes.
const LONGEST_NAME: usize = 1024;

/// How often it is begun anew when others publish at the same moment.
const TRIES: usize = 5;

/// What became of an upload, as it is left beside it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Answer {
    /// Of this document: 1.
    pub format: u32,
    pub object: String,
    pub at: Timestamp,
    pub became: Became,
    /// `None` where it is no bundle.
    pub version: Option<RulesVersion>,
    /// How many rules it has; `None` where they can't be read.
    pub rules: Option<usize>,
    /// Why it was not brought into force.
    pub reason: Option<String>,
    /// What is wrong with the documents.
    pub problems: Vec<PlainProblem>,
    /// What it changes; `None` where it was not planned.
    pub forecast: Option<Forecast>,
}

impl Answer {
    /// Of an upload that nothing is known of.
    fn of(key: &str, at: Timestamp) -> Self {
        Self {
            format: 1,
            object: key.to_owned(),
            at,
            became: Became::Refused,
            version: None,
            rules: None,
            reason: None,
            problems: Vec::new(),
            forecast: None,
        }
    }
}

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    InForce,
    /// The very same rules are in force already.
    AlreadyInForce,
    /// What is in force is newer than the upload.
    Overtaken,
    /// Refused whole: what was in force still is.
    Refused,
    /// It could not be decided yet; it is tried again.
    Delayed,
}

impl Became {
    /// As people read it.
    pub fn told(self) -> &'static str {
        match self {
            Self::InForce => "in force",
            Self::AlreadyInForce => "in force already; nothing was changed",
            Self::Overtaken => "NOT in force: newer rules are",
            Self::Refused => "REFUSED: the rules that were in force still are",
            Self::Delayed => {
                "NOT in force yet: it is tried again within minutes; if this text does not change, it is a dead letter (`usher dead-letters`): upload it again"
            }
        }
    }
}

/// What a function did with an event.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    Answered(Became),
    /// It leads to nothing, and why.
    Ignored(String),
    /// It could not be read, and is parked.
    Parked(String),
}

/// Why an upload has to be looked at again.
#[derive(Debug, thiserror::Error)]
pub enum IncomingError {
    #[error("cannot fetch the uploaded rules")]
    Fetch(#[source] PortError),
    #[error("cannot use the ledger")]
    Ledger(#[from] LedgerError),
    #[error("cannot plan what the uploaded rules would change")]
    Plan(#[source] DeclaredSetsError),
    #[error("cannot plan what the uploaded rules would change: none of {0} accounts could be read")]
    Unread(usize),
    #[error(
        "there was not time enough to plan what the uploaded rules would change: `usher rules publish` takes as long as it needs"
    )]
    Time,
    #[error("cannot bring the uploaded rules into force")]
    Publish(#[source] PublishError),
    #[error("others publish rules again and again")]
    Busy,
    #[error("cannot leave the answer beside the uploaded rules")]
    Answer(#[source] PortError),
}

/// Where uploads are taken in.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    pub uploads: &'a dyn Uploads,
    pub store: &'a dyn RulesStore,
    /// What planning reads; its rules are not looked at.
    pub reader: Reader<'a>,
    /// The permission sets that the rules declare are planned as they will be.
    pub access: &'a Arc<dyn AccessReader>,
    pub sets: &'a dyn PermissionSetReader,
    pub ledger: &'a dyn Ledger,
    pub inbox: &'a dyn Queue,
    pub settings: EngineSettings,
}

impl std::fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming").finish_non_exhaustive()
    }
}

/// Leaves word beside an upload that nothing could be decided of it yet, and why; its event comes again.
pub async fn put_off(
    uploads: &dyn Uploads,
    key: &str,
    at: Timestamp,
    why: &dyn std::error::Error,
) -> Result<(), PortError> {
    let answer = Answer { became: Became::Delayed, reason: Some(causes::joined(why)), ..Answer::of(key, at) };
    leave(uploads, &answer).await
}

/// Whether there is room in the name of an answer for that of the upload.
fn has_room_for_answers(key: &str) -> bool {
    ANSWERS.iter().all(|end| key.len() + end.len() <= LONGEST_NAME)
}

/// Whether an object is an answer of ours, and no upload.
pub fn is_answer(key: &str) -> bool {
    ANSWERS.iter().any(|end| key.ends_with(end))
}

impl Incoming<'_> {
    /// Takes in the object of this name, of which this event tells. What is not decided by `until` is an error.
    pub async fn take(&self, key: &str, event: &str, until: Timestamp) -> Result<Taken, IncomingError> {
        let upload = match self.uploads.fetch(key, MAX_STORED_BYTES).await {
            Ok(upload) => upload,
            Err(PortError::NotFound(_)) => {
                let why = "the uploaded object is gone again";
                tracing::info!("{why}");
                return Ok(Taken::Ignored(why.to_owned()));
            }
            Err(error) => {
                let error = IncomingError::Fetch(error);
                self.put_off(Answer::of(key, self.reader.clock.now()), &error).await;
                return Err(error);
            }
        };
        let mut answer = Answer::of(key, self.reader.clock.now());
        let made_at = upload.made_at;
        if let Err(error) = self.decide(key, upload, until, &mut answer).await {
            self.put_off(answer, &error).await;
            return Err(error);
        }
        tell(&answer, &cause(event));
        self.tell_others(&answer, event, made_at).await?;
        if has_room_for_answers(key) {
            leave(self.uploads, &answer).await.map_err(IncomingError::Answer)?;
        } else {
            tracing::error!("an upload's name is too long for an answer beside it: there is none");
        }
        Ok(Taken::Answered(answer.became))
    }

    /// Leaves word that nothing is decided yet, for the author to see meanwhile; what is tried again is the upload itself.
    async fn put_off(&self, answer: Answer, why: &IncomingError) {
        let answer = Answer { became: Became::Delayed, reason: Some(causes::joined(why)), ..answer };
        if !has_room_for_answers(&answer.object) {
            tracing::error!("an upload's name is too long for an answer beside it: there is none");
        } else if let Err(error) = leave(self.uploads, &answer).await {
            tracing::warn!(%error, "cannot leave a word beside the uploaded rules");
        }
    }

    /// Decides, and does it.
    async fn decide(
        &self,
        key: &str,
        upload: Upload,
        until: Timestamp,
        answer: &mut Answer,
    ) -> Result<(), IncomingError> {
        let Upload { made_at, content } = upload;
        let bundle = match bundle(key, content) {
            Ok(bundle) => bundle,
            Err(why) => {
                answer.reason = Some(why);
                return Ok(());
            }
        };
        answer.version = Some(bundle.version());
        let on_hand = match RulesOnHand::of(&bundle) {
            Ok(rules) => rules,
            Err(diagnostics) => {
                answer.reason = Some(diagnostics.to_string());
                answer.problems = diagnostics.plain();
                return Ok(());
            }
        };
        answer.rules = Some(on_hand.index.rules().len());
        let provenance =
            Provenance { by: PublishedBy::Upload { key: key.to_owned() }, as_of: made_at, said: None };
        let press = Press { store: self.store, ledger: self.ledger, clock: self.reader.clock };
        for _ in 0..TRIES {
            let in_force = self.ledger.rules_in_force().await?;
            let same = in_force.as_ref().filter(|rules| rules.version == on_hand.version);
            if let Some(same) = same
                && let Some(kept) = self.brought_by_this(same, &provenance).await?
            {
                answer.became = Became::InForce;
                answer.forecast = kept.forecast;
                told_of(hint_if_nobody_did(&self.inbox()).await);
                return Ok(());
            }
            if let Err(overtaken) = is_not_overtaken(&on_hand.version, in_force.as_ref(), &provenance) {
                answer.became = Became::Overtaken;
                answer.reason = Some(overtaken.to_string());
                return Ok(());
            }
            let follows = may_follow(&bundle, self.ledger, self.reader.clock.now()).await;
            let refusal = match follows {
                Ok(()) => None,
                Err(error @ (PublishError::Empty | PublishError::Shrunk { .. } | PublishError::Rules(_))) => {
                    Some(error)
                }
                Err(
                    error @ (PublishError::Keep(_)
                    | PublishError::Ledger(_)
                    | PublishError::Overtaken { .. }
                    | PublishError::Compare(_)
                    | PublishError::BeyondScope(_)),
                ) => {
                    return Err(IncomingError::Publish(error));
                }
            };
            // What shrank is planned all the same: it must be seen before anybody can approve it.
            if same.is_none() && answer.forecast.is_none() {
                answer.forecast = Some(self.forecast(&on_hand, until).await?);
            }
            if let Some(forecast) = &mut answer.forecast {
                let found = std::mem::take(&mut forecast.beyond);
                let weighed = weigh(found, &on_hand.index, in_force.as_ref(), self.store).await;
                forecast.beyond = weighed.map_err(IncomingError::Publish)?;
            }
            if let Some(refusal) = refusal {
                answer.reason = Some(refused(&refusal, answer.forecast.as_ref()));
                return Ok(());
            }
            let brought =
                press.bring_into_force(&bundle, &provenance, answer.forecast.as_ref(), in_force.as_ref());
            match brought.await {
                Ok(published) => {
                    answer.became = self.hint(&published).await;
                    return Ok(());
                }
                // Others were faster: what they brought may be newer than this.
                Err(PublishError::Ledger(LedgerError::RulesChanged) | PublishError::Overtaken { .. }) => {}
                Err(beyond @ PublishError::BeyondScope(_)) => {
                    answer.reason = Some(beyond.to_string());
                    return Ok(());
                }
                Err(error) => return Err(IncomingError::Publish(error)),
            }
        }
        Err(IncomingError::Busy)
    }

    /// What was kept of rules in force if it was this very upload that brought them there, whose event then comes again.
    async fn brought_by_this(
        &self,
        in_force: &RulesInForce,
        upload: &Provenance,
    ) -> Result<Option<Publication>, LedgerError> {
        Ok(publications(self.ledger).await?.into_iter().find(|publication| {
            publication.version == in_force.version
                && publication.since == in_force.since
                && publication.provenance.as_ref() == Some(upload)
        }))
    }

    /// Hints every account of rules that came into force, now or before a crash.
    async fn hint(&self, published: &Published) -> Became {
        let inbox = self.inbox();
        if published.is_new {
            told_of(hint_everywhere(&inbox, &published.rules).await);
            return Became::InForce;
        }
        told_of(hint_if_nobody_did(&inbox).await);
        Became::AlreadyInForce
    }

    fn inbox(&self) -> Inbox<'_> {
        let Reader { organization, clock, .. } = self.reader;
        Inbox { organization, ledger: self.ledger, queue: self.inbox, clock }
    }

    async fn forecast(&self, rules: &RulesOnHand, until: Timestamp) -> Result<Forecast, IncomingError> {
        let rulebook = Rulebook::fixed(rules.clone());
        let planner =
            Planner { reader: Reader { rulebook: &rulebook, ..self.reader }, settings: self.settings };
        // What the look-up of each account will be charged to has another name: this one has spent nothing yet either.
        let cause = Cause::new("rules", &format!("{}-planned", rules.version.short()));
        let clock = self.reader.clock;
        let left = std::time::Duration::try_from(until.duration_since(clock.now())).unwrap_or_default();
        let forecast = futures::future::select(
            Box::pin(planner.forecast_foreseeing(self.access, self.sets, &cause)),
            clock.sleep(left),
        );
        let forecast = match forecast.await {
            futures::future::Either::Left((forecast, _)) => forecast.map_err(IncomingError::Plan)?,
            futures::future::Either::Right(((), _)) => return Err(IncomingError::Time),
        };
        if forecast.accounts == 0 && forecast.unread > 0 {
            return Err(IncomingError::Unread(forecast.unread));
        }
        Ok(forecast)
    }

    /// Whoever listens to outcomes hears of a refusal, once for each object. Its reason quotes nothing of the object.
    async fn tell_others(
        &self,
        answer: &Answer,
        event: &str,
        made_at: Timestamp,
    ) -> Result<(), IncomingError> {
        if answer.became != Became::Refused {
            return Ok(());
        }
        let happened = Happened::RulesRefused {
            refused: answer.version.clone(),
            reason: answer.reason.clone().unwrap_or_default(),
        };
        let occasion = format!("{} {made_at}", answer.object);
        let outcome = Outcome::new(happened, &occasion, answer.at, cause(event));
        self.ledger.tell(&[outcome]).await?;
        Metric::RulesRefused.tell(FUNCTION, answer.at, 1);
        Ok(())
    }
}

/// The rules are in force whether or not all accounts could be hinted: the ledger says so, and the minute's tick does it.
fn told_of(hinted: Result<usize, InboxError>) {
    if let Err(error) = hinted {
        let error = causes::joined(&error);
        tracing::warn!(error, "not every account could be hinted of the rules in force: the tick does it");
    }
}

/// Why rules were refused, and what lets them in all the same.
fn refused(refusal: &PublishError, forecast: Option<&Forecast>) -> String {
    if let (PublishError::Shrunk { .. }, Some(forecast)) = (refusal, forecast) {
        let plan = &forecast.plan;
        return format!(
            "{refusal}. If it is none, this lets exactly this plan and these rules through: `usher approve --plan {plan} --rules FILES`, with the same files under the same names; then upload again"
        );
    }
    refusal.to_string()
}

async fn leave(uploads: &dyn Uploads, answer: &Answer) -> Result<(), PortError> {
    let json = serde_json::to_string_pretty(answer)
        .map_err(|error| PortError::Refused(format!("the answer can't be written: {error}")))?;
    let [for_machines, for_people] = ANSWERS.map(|end| format!("{}{end}", answer.object));
    uploads.leave(&for_machines, &format!("{json}\n")).await?;
    uploads.leave(&for_people, &answer.to_string()).await
}

/// The bundle in an object, or why there is none.
fn bundle(key: &str, content: UploadContent) -> Result<Bundle, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "!-_.*'()/=".contains(c);
    if !key.chars().all(is_plain) {
        return Err("its name has other characters than letters, digits and -_./=, and S3's events may write these in two ways: give it a plainer name".to_owned());
    }
    if !has_room_for_answers(key) {
        return Err("its name is too long: there is no room for the answer beside it".to_owned());
    }
    match content {
        UploadContent::TooLong { bytes } => {
            Err(format!("it is {bytes} bytes; a bundle has at most {MAX_STORED_BYTES}"))
        }
        UploadContent::Whole(content) => Bundle::of_object(key, content).map_err(|error| error.to_string()),
    }
}

fn cause(event: &str) -> Cause {
    Cause::new("event", event)
}

/// One line in the log. The object's name and the text of its rules may name people: they are told beside the object only.
fn tell(answer: &Answer, cause: &Cause) {
    let cause = cause.as_str();
    let version = answer.version.as_ref().map_or("none", RulesVersion::short);
    let (rules, problems) = (answer.rules, answer.problems.len());
    let Answer { became, .. } = answer;
    match became {
        Became::InForce | Became::AlreadyInForce | Became::Overtaken => {
            tracing::info!(
                cause,
                ?became,
                rules.version = version,
                rules.count = rules,
                "rules {version}: {}",
                became.told()
            );
        }
        Became::Refused | Became::Delayed => tracing::error!(
            cause,
            ?became,
            rules.version = version,
            rules.count = rules,
            problems,
            "rules {version}: {}",
            became.told()
        ),
    }
}

/// As it is left for people.
impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { format: _, object, at, became, version, rules, reason, problems, forecast } = self;
        let mut text = format!("{object}: {}\n", became.told());
        let minute = at.strftime("%Y-%m-%d %H:%M:%S UTC");
        let _ = match (version, rules) {
            (Some(version), Some(rules)) => writeln!(text, "Version {version}, {rules} rules; {minute}"),
            (Some(version), None) => writeln!(text, "Version {version}; {minute}"),
            (None, _) => writeln!(text, "{minute}"),
        };
        if let Some(reason) = reason {
            let _ = writeln!(text, "\n{reason}");
        }
        for PlainProblem { file, line, column, length: _, message, help } in problems {
            let _ = writeln!(text, "\n{file}:{line}:{column}: {message}");
            if let Some(help) = help {
                let _ = writeln!(text, "  {help}");
            }
        }
        if let Some(forecast) = forecast {
            let _ = write!(text, "\n{forecast}");
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_no_upload() {
        assert!(is_answer("incoming/a.json.result.json") && is_answer("incoming/a.json.result.txt"));
        assert!(!is_answer("incoming/a.json") && !is_answer("incoming/result.json"));
    }

    #[test]
    fn a_name_that_can_be_written_in_two_ways_is_refused() {
        let of = |key: &str| bundle(key, UploadContent::Whole(b"version: 1".to_vec()));
        assert!(of("incoming/team-a/rules_1.yaml").is_ok());
        for odd in ["incoming/a b.yaml", "incoming/a+b.yaml", "incoming/ä.yaml", "incoming/a%20.yaml"] {
            assert!(of(odd).unwrap_err().contains("plainer name"), "{odd}");
        }
        let long = bundle("a.json", UploadContent::TooLong { bytes: 300_000_000 }).unwrap_err();
        assert!(long.contains("300000000 bytes; a bundle has at most"), "{long}");
    }
}
