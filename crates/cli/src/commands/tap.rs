//! `caldelta tap`: a Singer tap over the local copy.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use delta_core::Resource;
use export::Error;
use export::singer::{self, Selection, State, Told};
use serde::Deserialize;

use crate::args;
use crate::exit::{Code, Failure};
use crate::output;
use crate::replicas::{self, Opened};

/// The file of `--config`. What else is in it is for the runner.
#[derive(Default, Deserialize)]
struct Config {
    store: Option<PathBuf>,
    #[serde(default)]
    targets: Vec<String>,
}

pub(crate) async fn run(args: args::Tap) -> Result<(), Failure> {
    if args.discover {
        return output::line(format_args!("{:#}", singer::discover()));
    }
    let config: Config = match &args.config {
        Some(path) => read(path, |text| serde_json::from_str(text).map_err(|error| error.to_string()))?,
        None => Config::default(),
    };
    let selection = match &args.catalog {
        Some(path) => read(path, Selection::of_catalog)?,
        None => Selection::default(),
    };
    let state = match &args.state {
        Some(path) => read(path, |text| serde_json::from_str(text).map_err(|error| error.to_string()))?,
        None => State::default(),
    };
    let wrong = |target: &String, error| Failure::usage(format!("the target {target:?} of the configuration: {error}"));
    let targets = config.targets.iter().map(|target| target.parse::<Resource>().map_err(|error| wrong(target, error)));
    let targets = targets.collect::<Result<Vec<_>, _>>()?;
    let store = args::StoreArgs { store: args.store.store.or(config.store) };
    let replicas = replicas::open(&store, &targets).await?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    match tap(&replicas, &selection, state, &mut out).await {
        // The target is gone, and says why itself.
        Err(Error::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

async fn tap(replicas: &[Opened], selection: &Selection, mut state: State, out: &mut dyn Write) -> Result<(), Error> {
    singer::schema(selection, out)?;
    for replica in replicas {
        let told = singer::tap(&replica.target, replica.view.as_ref(), selection, &mut state, out).await?;
        // A state is worth something once it has arrived.
        out.flush()?;
        if told == Told::Again {
            output::say(format_args!(
                "caldelta: {}: the changes since the state are no longer known, so everything was told again; \
                 what has gone meanwhile is what has an earlier _sdc_extracted_at than all this",
                output::clean(&replica.target)
            ));
        }
    }
    Ok(())
}

/// Reads a file of the command line's.
fn read<T>(path: &Path, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<T, Failure> {
    let failed = |error: String| Failure::new(Code::Operator, format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    parse(&text).map_err(failed)
}
