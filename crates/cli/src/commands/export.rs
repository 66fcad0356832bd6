//! `caldelta export`: files for other programs.

use std::io::{self, Write};
use std::path::{MAIN_SEPARATOR, Path, PathBuf};
use std::time::Duration;

use export::ics::{self, UnknownZones};
use export::vdir::{Updated, Vdir};
use export::{Error, Filter, csv, events, files, json};
use serde::Serialize;
use store::Revision;

use crate::args;
use crate::exit::{Code, Failure};
use crate::output::{self, Tagged};
use crate::replicas::{self, Opened};
use crate::signal::Stop;

/// How often to look whether something was published.
const POLL: Duration = Duration::from_secs(1);

/// The body of `export/1`.
#[derive(Serialize)]
struct Report<'a> {
    format: &'static str,
    path: &'a Path,
    targets: Vec<&'a str>,
    written: u64,
    unchanged: u64,
    deleted: u64,
    unknown_zones: Vec<UnknownZone<'a>>,
}

#[derive(Serialize)]
struct UnknownZone<'a> {
    zone: &'a str,
    events: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Ics,
    Vdir,
    Jsonl,
    Csv,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Ics => "ics",
            Self::Vdir => "vdir",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }
}

pub(crate) async fn run(command: args::Export) -> Result<(), Failure> {
    let (format, export, to) = match command {
        args::Export::Ics(args) => (Format::Ics, args.export, args.to),
        args::Export::Jsonl(args) => (Format::Jsonl, args.export, args.to),
        args::Export::Csv(args) => (Format::Csv, args.export, args.to),
        args::Export::Vdir(args) => (Format::Vdir, args.export, Some(args.to)),
    };
    if to.is_none() && (export.follow || export.json) {
        return Err(Failure::usage("--follow and --json need --to PATH: stdout has the events"));
    }
    let replicas = replicas::open(&export.store, &export.targets).await?;
    let filter = Filter::from(export.filter);
    let Some(to) = to else { return print(format, &replicas, &filter).await };
    let mut job = Job { format, filter, json: export.json, outputs: outputs(format, &to, replicas)? };
    job.bring_up_to_date().await?;
    if export.follow { job.follow().await } else { Ok(()) }
}

/// Everything to stdout.
async fn print(format: Format, replicas: &[Opened], filter: &Filter) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = write(format, replicas, filter, &mut out).await;
    match written.and_then(|unknown| out.flush().map(|()| unknown).map_err(Error::Write)) {
        Ok(unknown) => {
            warn(&unknown);
            Ok(())
        }
        // Nobody reads any more.
        Err(Error::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The events of replicas in one of the formats that are one text.
async fn write(
    format: Format,
    replicas: &[Opened],
    filter: &Filter,
    out: &mut dyn Write,
) -> Result<UnknownZones, Error> {
    if format == Format::Ics {
        let calendar = |replica| calendar(replica);
        return ics::write(&replicas.iter().map(calendar).collect::<Vec<_>>(), filter, out).await;
    }
    if format == Format::Csv {
        write!(out, "{}\r\n", csv::header())?;
    }
    for replica in replicas {
        events::each(replica.view.as_ref(), &events::always(), filter, |row, _| match format {
            Format::Csv => Ok(write!(out, "{}\r\n", csv::event(&replica.target, row)?)?),
            _ => Ok::<_, Error>(writeln!(out, "{}", json::event(&replica.target, row)?)?),
        })
        .await?;
    }
    Ok(UnknownZones::new())
}

fn calendar(replica: &Opened) -> ics::Calendar<'_> {
    ics::Calendar { name: &replica.target, view: replica.view.as_ref() }
}

fn warn(unknown: &UnknownZones) {
    for (zone, events) in unknown {
        let events = output::count(*events, "event");
        output::say(format_args!("caldelta: the time zone {zone:?} is not known: {events} in it are written in UTC"));
    }
}

/// A file or a directory, and what it shows.
struct Output {
    path: PathBuf,
    replicas: Vec<Opened>,
    vdir: Option<Vdir>,
    /// What it shows of each of them.
    shown: Option<Vec<Revision>>,
}

/// Where each replica goes.
fn outputs(format: Format, to: &Path, replicas: Vec<Opened>) -> Result<Vec<Output>, Failure> {
    let output = |path, replicas, vdir| Output { path, replicas, vdir, shown: None };
    let directory = to.is_dir() || to.to_string_lossy().ends_with(['/', MAIN_SEPARATOR]);
    if format == Format::Vdir {
        let open = |replica: Opened| {
            let path = to.join(files::name(&replica.target));
            let vdir = Vdir::open(&path, &replica.target)?;
            Ok(output(path, vec![replica], Some(vdir)))
        };
        return replicas.into_iter().map(open).collect();
    }
    if !directory {
        return Ok(vec![output(to.to_owned(), replicas, None)]);
    }
    std::fs::create_dir_all(to)
        .map_err(|error| Failure::new(Code::Failure, format!("can't create {}: {error}", to.display())))?;
    let file = |replica: Opened| {
        let path = to.join(format!("{}.{}", files::name(&replica.target), format.name()));
        output(path, vec![replica], None)
    };
    Ok(replicas.into_iter().map(file).collect())
}

struct Job {
    format: Format,
    filter: Filter,
    json: bool,
    outputs: Vec<Output>,
}

impl Job {
    /// Writes what shows something else than its replicas.
    async fn bring_up_to_date(&mut self) -> Result<(), Failure> {
        for output in &mut self.outputs {
            let now: Vec<Revision> = output.replicas.iter().map(|replica| replica.view.revision()).collect();
            if output.shown.as_ref() != Some(&now) {
                let updated = output.update(self.format, &self.filter).await?;
                output.report(self.format, &updated, self.json)?;
                output.shown = Some(now);
            }
        }
        Ok(())
    }

    /// Goes on until somebody stops it.
    async fn follow(mut self) -> Result<(), Failure> {
        let mut stop = Stop::listen()?;
        loop {
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                code = stop.wait() => return Err(Failure::new(code, "stopped")),
            }
            for replica in self.outputs.iter_mut().flat_map(|output| &mut output.replicas) {
                replica.refresh().await?;
            }
            self.bring_up_to_date().await?;
        }
    }
}

impl Output {
    async fn update(&self, format: Format, filter: &Filter) -> Result<Updated, Failure> {
        if let (Some(vdir), [replica]) = (&self.vdir, self.replicas.as_slice()) {
            return Ok(vdir.update(replica.view.as_ref(), filter).await?);
        }
        let unknown_zones =
            files::replace(&self.path, async |out| write(format, &self.replicas, filter, out).await).await?;
        Ok(Updated { written: 1, unknown_zones, ..Updated::default() })
    }

    fn report(&self, format: Format, updated: &Updated, json: bool) -> Result<(), Failure> {
        warn(&updated.unknown_zones);
        let Updated { written, unchanged, deleted, .. } = *updated;
        if json {
            let unknown_zones =
                updated.unknown_zones.iter().map(|(zone, events)| UnknownZone { zone, events: *events }).collect();
            let targets = self.replicas.iter().map(|replica| replica.target.as_str()).collect();
            let format = format.name();
            let value = Report { format, path: &self.path, targets, written, unchanged, deleted, unknown_zones };
            return output::report(output::json(&Tagged { schema: "export/1", value })?);
        }
        let path = self.path.display();
        match self.vdir {
            Some(_) => output::report(format_args!(
                "{path}: {} written, {unchanged} unchanged, {deleted} deleted",
                output::count(written, "file")
            )),
            None => output::report(format_args!("{path}: written")),
        }
    }
}
