//! `capbuf run --check`: checks a configuration as far as possible without recording.

use super::config::{self, Config};
use crate::domain;
use crate::failure::{Failure, complain};

pub(super) fn check(config: &Config, domain: Option<&str>) -> Result<(), Failure> {
    let domain = domain::name_of(domain.or(config.domain.as_deref()));
    // Of the command line, or of the environment.
    capbuf::check_domain_name(&domain)?;
    let warnings = config::check_availability(config, &domain);
    for warning in &warnings {
        complain(&warning.to_string());
    }
    if warnings.is_empty() {
        Ok(())
    } else {
        let message = "the file is valid, but devices, files or folders are missing, or refuse";
        Err(Failure::Run(message.to_owned()))
    }
}
