//! `mandate schema`: JSON Schemas of the configuration files, for editors.

use std::path::PathBuf;

use mandate_server::offline;
use serde_json::Value;

use crate::failure::Failure;
use crate::screen::Screen;

/// What `schema` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArgs {
    /// The file's name, such as ownership or ownership.yaml; the names there are unless given
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Write NAME.schema.json into this directory instead, one or all
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints one schema or the names of all, or writes them into files.
pub(crate) fn run(args: &SchemaArgs, screen: &Screen) -> Result<(), Failure> {
    let mut schemas = offline::schemas();
    if let Some(given) = &args.name {
        let wanted = given.strip_suffix(".yaml").unwrap_or(given);
        if !schemas.iter().any(|(name, _)| name == wanted) {
            let names: Vec<&str> = schemas.iter().map(|(name, _)| name.as_str()).collect();
            let hint = offline::nearest(wanted, names.iter().copied())
                .map_or_else(|| format!("one of `{}`", names.join("`, `")), |near| format!("did you mean `{near}`?"));
            return Err(Failure::Usage(format!("there is no schema `{given}`; {hint}")));
        }
        schemas.retain(|(name, _)| name == wanted);
    }
    if let Some(dir) = &args.out {
        std::fs::create_dir_all(dir).map_err(|error| Failure::file("make", dir, &error))?;
        for (name, text) in &schemas {
            let path = dir.join(format!("{name}.schema.json"));
            std::fs::write(&path, format!("{text}\n")).map_err(|error| Failure::file("write", &path, &error))?;
            screen.say(format!("wrote {}", path.display()));
        }
        return Ok(());
    }
    if args.name.is_none() {
        let names: Vec<&str> = schemas.iter().map(|(name, _)| name.as_str()).collect();
        if screen.json {
            return Ok(screen.document(&names)?);
        }
        for name in names {
            screen.line(name)?;
        }
        return Ok(());
    }
    for (_, text) in &schemas {
        if screen.json {
            let value: Value = serde_json::from_str(text).map_err(std::io::Error::from)?;
            screen.document(&value)?;
        } else {
            screen.line(text)?;
        }
    }
    Ok(())
}
