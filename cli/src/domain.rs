//! The domain that a command works on.

use capbuf::{DomainInfo, Registry};

use crate::failure::Failure;

/// The domain that is meant: the one that was named, else `CAPBUF_DOMAIN`, else `default`.
pub(crate) fn name_of(given: Option<&str>) -> String {
    // What is not UTF-8 can be no domain's name, and is refused by what is left of it.
    let from_environment = || std::env::var_os("CAPBUF_DOMAIN").map(|name| name.to_string_lossy().into_owned());
    let named = given.map(str::to_owned).or_else(|| from_environment().filter(|name| !name.is_empty()));
    named.unwrap_or_else(|| "default".to_owned())
}

/// Opens a domain, and makes it if there is none.
pub(crate) fn open_or_make(given: Option<&str>) -> Result<Registry, Failure> {
    Ok(Registry::open(&name_of(given))?)
}

/// Opens a domain that is there: who only looks leaves no domains behind.
pub(crate) fn open_existing(given: Option<&str>) -> Result<Registry, Failure> {
    let name = name_of(given);
    let domains = capbuf::domains(None)?;
    if domains.iter().any(|domain| domain.name == name) {
        // Who only looks is in no report.
        return Ok(Registry::builder().track_allocations(false).open(&name)?);
    }
    Err(no_such(&name, &domains))
}

/// The failure that says that there is no such domain, and which there are.
pub(crate) fn no_such(name: &str, domains: &[DomainInfo]) -> Failure {
    let names: Vec<_> = domains.iter().map(|domain| domain.name.as_str()).collect();
    let others = if names.is_empty() { "and no other".to_owned() } else { format!("but {}", names.join(", ")) };
    Failure::Run(format!("there is no domain {:?}, {others}", capbuf::redact(name)))
}
