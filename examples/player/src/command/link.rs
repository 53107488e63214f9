//! `spot link`: converts a link between its forms.

use crate::failure::{Exit, Failure};
use clap::Args;
use serde_json::json;
use spotproto::Link;

/// Arguments of `spot link`.
#[derive(Args, Debug)]
pub(super) struct LinkForms {
    /// A link in any form: spotify:track:…, or a web address of open. or play.spotify.com.
    #[arg(required = true)]
    links: Vec<String>,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

impl LinkForms {
    pub(super) fn run(self) -> Result<(), Failure> {
        for text in &self.links {
            let link = parse(text)?;
            let id = link.gid().map(|gid| gid.hex().to_string());
            if self.json {
                let line = json!({ "uri": link.uri().to_string(), "web": link.web().to_string(), "id": id });
                println!("{line}");
            } else {
                println!("{}\n{}", link.uri(), link.web());
                if let Some(id) = id {
                    println!("{id}");
                }
            }
        }
        Ok(())
    }
}

/// Reads a link, or says what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Link, Failure> {
    text.trim().parse().map_err(|error| Failure::new(Exit::NotFound, format!("{text}: {error}")))
}
