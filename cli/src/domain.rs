//! The domain that a command works on.

use capbuf::{DomainInfo, Error, Registry};

use crate::failure::Failure;

/// Returns the name of the domain: that of `--domain`, else `CAPBUF_DOMAIN`, else `default`.
pub(crate) fn name_of(option: Option<&str>) -> String {
    // A name that is not UTF-8 is invalid: opening rejects its lossy form.
    let from_environment = || std::env::var_os("CAPBUF_DOMAIN").map(|name| name.to_string_lossy().into_owned());
    let named = option.map(str::to_owned).or_else(|| from_environment().filter(|name| !name.is_empty()));
    named.unwrap_or_else(|| "default".to_owned())
}

/// Opens a domain, or creates it.
pub(crate) fn open_or_make(option: Option<&str>) -> Result<Registry, Failure> {
    Ok(Registry::open(&name_of(option))?)
}

/// Opens an existing domain: commands that only look create none.
pub(crate) fn open_existing(option: Option<&str>) -> Result<Registry, Failure> {
    let name = name_of(option);
    let (domains, unusable) = capbuf::domains_and_unusable(None)?;
    let is_of_it =
        |error: &&Error| matches!(error, Error::Forbidden { path, .. } if path.ends_with(&format!("/{name}")));
    if let Some(error) = unusable.iter().find(is_of_it) {
        return Err(error.clone().into());
    }
    if domains.iter().any(|domain| domain.name == name) {
        // Untracked, so that this process is in no report.
        return Ok(Registry::builder().track_allocations(false).open(&name)?);
    }
    Err(no_such(&name, &domains))
}

/// Makes the failure for a domain that does not exist, with a list of those that do.
pub(crate) fn no_such(name: &str, domains: &[DomainInfo]) -> Failure {
    let names: Vec<_> = domains.iter().map(|domain| domain.name.as_str()).collect();
    let others =
        if names.is_empty() { "there are none".to_owned() } else { format!("there are: {}", names.join(", ")) };
    Failure::Run(format!("there is no domain {:?}; {others}", capbuf::redact(name)))
}
