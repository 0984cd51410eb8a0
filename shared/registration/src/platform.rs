//! The platform, through either API: lists, registers and deregisters.

use reqwest::Url;

use crate::check::platform_url;
use crate::rest::Rest;
use crate::service::other_spelling;
use crate::soap::Soap;
use crate::{
    AccountName, Api, Comparison, Credentials, Error, Fault, Invalid, Login, Registration, Standing, compare, http,
};

/// What an account's list says of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// As the platform spells it here.
    pub service: String,
    /// Where its messages go.
    pub url: String,
    /// What they carry, where the API shows it: REST does, SOAP does not.
    pub credentials: Option<Credentials>,
}

/// What became of one registration.
#[derive(Debug)]
pub struct Done {
    /// Which, and how it stood before.
    pub comparison: Comparison,
    /// `None` where there was nothing to do.
    pub outcome: Option<Result<(), Error>>,
}

/// Which registrations of a service are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those with the wanted URL.
    Here,
    /// Whatever their URL is.
    Any,
}

/// The platform as one login sees it. Its sessions are kept and renewed here.
#[derive(Debug)]
pub struct Platform(Face);

#[derive(Debug)]
enum Face {
    Rest(Rest),
    Soap(Soap),
}

impl Platform {
    /// The platform at this address, which is [`Api::home`] but for simulators. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for an address or a login that cannot be right.
    pub fn new(api: Api, address: &str, login: Login) -> Result<Self, Error> {
        login.check(api)?;
        let (address, client) = (platform_url(address)?, http::client()?);
        Ok(Self(match api {
            Api::Rest => Face::Rest(Rest::new(client, address, login)),
            Api::Soap => Face::Soap(Soap::new(client, address, login)),
        }))
    }

    /// What is registered for an account, through this API: neither shows what the other registered.
    ///
    /// # Errors
    ///
    /// The platform's, all but [`Error::Invalid`].
    pub async fn list(&self, account: &AccountName) -> Result<Vec<Registered>, Error> {
        match &self.0 {
            Face::Rest(rest) => rest.list(account).await,
            Face::Soap(soap) => soap.list(account).await,
        }
    }

    /// Whether a registration would give away the platform's own login.
    ///
    /// # Errors
    ///
    /// [`Invalid::OwnLogin`].
    pub fn check(&self, registration: &Registration) -> Result<(), Invalid> {
        let login = match &self.0 {
            Face::Rest(rest) => rest.login(),
            Face::Soap(soap) => soap.login(),
        };
        let Credentials { username, password } = registration.credentials();
        if *username == login.username || *password == login.password {
            return Err(Invalid::OwnLogin);
        }
        Ok(())
    }

    /// Registers, in place of what this API has registered before for the account and service.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for credentials that are the platform's own; else the platform's.
    pub async fn register(&self, registration: &Registration) -> Result<(), Error> {
        self.check(registration)?;
        let registered = match &self.0 {
            Face::Rest(rest) => rest.register(registration).await,
            Face::Soap(soap) => soap.register(registration).await,
        };
        // The platform might quote what it was given.
        registered.map_err(|error| match error {
            Error::Refused(Fault { code, message }) => {
                Error::Refused(Fault::new(&code, &message, &[&registration.credentials().password]))
            }
            error => error,
        })
    }

    /// Deregisters a service. Where the platform does not know the name, its other spelling is tried: the pages differ.
    ///
    /// # Errors
    ///
    /// The platform's.
    pub async fn deregister(&self, account: &AccountName, service: &str) -> Result<(), Error> {
        match (self.deregister_as(account, service).await, other_spelling(service)) {
            (Err(Error::Refused(fault)), Some(other)) if fault.is_of_the_input() => {
                self.deregister_as(account, other).await
            }
            (done, _) => done,
        }
    }

    async fn deregister_as(&self, account: &AccountName, service: &str) -> Result<(), Error> {
        match &self.0 {
            Face::Rest(rest) => rest.deregister(account, service).await,
            Face::Soap(soap) => soap.deregister(account, service).await,
        }
    }

    /// Registers, of these of one account, what is not known to be as it should: also what the API does not show. What is
    /// registered with these other credentials is left so.
    ///
    /// # Errors
    ///
    /// The account cannot be listed, or a registration would give away the login. What became of each is in its [`Done`].
    pub async fn repair(
        &self,
        account: &AccountName,
        wanted: Vec<Registration>,
        others: &[Credentials],
    ) -> Result<Vec<Done>, Error> {
        wanted.iter().try_for_each(|one| self.check(one))?;
        Ok(self.bring_about(compare(wanted, others, &self.list(account).await?), |_| true).await)
    }

    /// Registers, of what was compared, what is not known to be as it should be and is among those that are meant.
    pub async fn bring_about(&self, compared: Vec<Comparison>, meant: impl Fn(&Comparison) -> bool) -> Vec<Done> {
        let needed = |one: &Comparison| one.standing != Standing::AsWanted && meant(one);
        until_all_stops(compared, needed, async |one| self.register(&one.wanted).await).await
    }

    /// Deregisters these of one account: those that go to the URL where they should, or whatever their URL is.
    ///
    /// # Errors
    ///
    /// As for [`Platform::repair`].
    pub async fn withdraw(
        &self,
        account: &AccountName,
        wanted: Vec<Registration>,
        which: Which,
    ) -> Result<Vec<Done>, Error> {
        let compared = compare(wanted, &[], &self.list(account).await?);
        let needed = |one: &Comparison| match which {
            Which::Here => one.standing.is_here(),
            Which::Any => one.standing != Standing::Missing,
        };
        let listed = |one: &Comparison| one.listed_as.clone().unwrap_or_else(|| one.wanted.service().to_owned());
        Ok(until_all_stops(compared, needed, async |one| self.deregister(account, &listed(one)).await).await)
    }

    /// Ends the session, if there is one. Where that fails it ends by itself, after 20 minutes.
    pub async fn log_out(&self) {
        let ended = match &self.0 {
            Face::Rest(rest) => rest.log_out().await,
            Face::Soap(soap) => soap.log_out().await,
        };
        if let Err(error) = ended {
            tracing::info!(message = "The session was not ended.", %error);
        }
    }
}

/// Does what is needed, one after the other: a platform is not asked thirteen times whether it is down.
async fn until_all_stops(
    compared: Vec<Comparison>,
    needed: impl Fn(&Comparison) -> bool,
    act: impl AsyncFn(&Comparison) -> Result<(), Error>,
) -> Vec<Done> {
    let (mut stopped, mut done) = (false, Vec::new());
    for comparison in compared {
        let outcome = match (needed(&comparison), stopped) {
            (false, _) => None,
            (true, true) => Some(Err(Error::NotTried)),
            (true, false) => Some(act(&comparison).await),
        };
        stopped |= matches!(&outcome, Some(Err(error)) if error.stops_all());
        done.push(Done { comparison, outcome });
    }
    done
}

/// A path below the platform's address, each segment escaped: account names may hold anything.
pub(crate) fn below(address: &Url, path: &[&str]) -> Url {
    let mut url = address.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}
