//! What a run makes of one row.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use delta_core::EventType;

use super::{Fetched, Reading};
use crate::Error;
use crate::batch::{Form, RowChange, Source};
use crate::layers::{adds_nothing, lacks, merge};
use crate::model::{Layers, Loss, Meta, Note, Reason, Row, TileId, What};
use crate::store::View;

/// A row while the run's items are folded into it.
pub(super) struct Work {
    pub(super) before: Option<Row>,
    pub(super) holds: BTreeSet<TileId>,
    now: Option<(Meta, Layers<Source>)>,
    /// How a hold went, if one did and none came since.
    loss: Option<Loss>,
    /// The server was asked about the hold that went.
    confirmed: bool,
    /// What the server said of the row: how it went, and whether it is nowhere. It also holds for what goes after that,
    /// because a full round does not mention it, or with its tile.
    asked: Option<(What, bool)>,
    /// A hold went in this run, so that the row may be with a tile that was read before.
    lost_now: bool,
    /// The version in which each tile has told of it last, where there are several.
    told: BTreeMap<TileId, Option<String>>,
    /// It stays although it goes, because nobody could say whether it does.
    kept: bool,
    /// The tile whose hold was the last to go in this run: what it brings now is not a part of what went. What another tile
    /// brings may be, for the event may have moved there.
    gone: Option<TileId>,
    /// Why the row was last written to.
    reason: Reason,
    /// It may go although nobody ever held it: nothing names it any more.
    pub(super) released: bool,
    /// It stays although its last hold went: rows name it as their series master.
    pub(super) named: bool,
}

/// What has become of a row.
pub(super) struct Outcome {
    pub(super) change: Option<RowChange>,
    pub(super) note: Option<Note>,
    pub(super) lives: bool,
    pub(super) stale: bool,
    pub(super) unsettled: bool,
}

impl Work {
    pub(super) fn new(before: Option<Row>) -> Self {
        let now = before.as_ref().map(|row| (row.meta.clone(), row.layers.map(|()| Source::Keep)));
        let holds = before.iter().flat_map(|row| row.holds.iter().copied()).collect();
        let loss = before.as_ref().and_then(|row| row.unsettled);
        let (confirmed, asked, lost_now, gone, released, named) = Default::default();
        let (told, reason) = (BTreeMap::new(), Reason::Change);
        Self { before, holds, now, loss, confirmed, asked, lost_now, told, kept: false, gone, reason, released, named }
    }

    /// A tile says that the row is there.
    pub(super) fn hold(&mut self, tile: TileId, reason: Reason) {
        if self.gone.take() == Some(tile) {
            self.now = None;
        }
        self.holds.insert(tile);
        (self.loss, self.confirmed, self.asked) = (None, false, None);
        self.reason = reason;
    }

    /// A tile says that the row is not there; false if it never said that it was.
    pub(super) fn drop_hold(&mut self, tile: TileId, reason: Reason) -> bool {
        let held = self.holds.remove(&tile);
        if held {
            let (what, nowhere) = self.asked.unwrap_or((What::Deleted, false));
            self.loss = Some(Loss { what, reason });
            self.lost_now = !nowhere;
            self.gone = Some(tile).filter(|_| self.holds.is_empty());
        }
        held
    }

    /// The server was asked, and the row is not there in the tile, which may have said so before, or takes the place of one
    /// that goes; or it is nowhere.
    pub(super) fn lose(&mut self, tile: TileId, what: What, reason: Reason, nowhere: bool) {
        self.drop_hold(tile, reason);
        self.asked = Some((what, nowhere));
        if let Some(loss) = &mut self.loss {
            loss.what = what;
            self.confirmed = true;
            self.lost_now &= !nowhere;
        }
    }

    /// Nobody could say whether it goes.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }

    /// A tile tells of a version of it.
    pub(super) fn tell(&mut self, tile: TileId, meta: &Meta) {
        self.told.insert(tile, meta.etag.clone());
    }

    /// Whether nobody can say which version is the latest: tiles that were read side by side told of different ones, or one
    /// told of a new one and another that holds the row as well did not. A tile may tell of an old one and then take it away.
    pub(super) fn is_disputed(&self) -> bool {
        let now = self.meta().and_then(|meta| meta.etag.as_ref());
        let differs = |version: &Option<String>| version.is_some() && version.as_ref() != now;
        if self.holds.iter().any(|tile| self.told.get(tile).is_some_and(differs)) {
            return true;
        }
        let known = self.before.as_ref().and_then(|before| before.meta.etag.as_ref()) == now;
        let silent = || self.holds.iter().any(|tile| !self.told.contains_key(tile));
        !known && !self.told.is_empty() && self.holds.len() > 1 && silent()
    }

    /// Whether it goes in this run, or went in an earlier one that could not tell, and nobody was asked how.
    pub(super) fn is_unconfirmed(&self) -> bool {
        let held = self.before.as_ref().is_some_and(Row::is_member);
        self.loss.is_some() && held && self.holds.is_empty() && !self.confirmed
    }

    /// Whether a row that a tile holds has to be fetched to be shown as it is.
    pub(super) fn is_stale(&self) -> bool {
        !self.holds.is_empty() && self.now.as_ref().is_some_and(|(_, layers)| layers.is_stale())
    }

    /// Whether this is the version that is known already, of the same kind.
    pub(super) fn is_version(&self, meta: &Meta) -> bool {
        let now = self.now.as_ref().map(|(now, _)| now);
        now.is_some_and(|now| now.etag.is_some() && now.etag == meta.etag && now.kind == meta.kind)
    }

    /// What kind of event it was.
    pub(super) fn kind_before(&self) -> EventType {
        self.before.as_ref().map_or(EventType::Other, |before| before.meta.kind)
    }

    /// The series that it belonged to.
    pub(super) fn series_before(&self) -> Option<&Arc<str>> {
        self.before.as_ref()?.meta.series.as_ref()
    }

    /// A tile that goes takes its hold with it, or leaves it to another one.
    pub(super) fn leave(&mut self, tile: TileId, fate: Fate) {
        if self.holds.remove(&tile) {
            match fate {
                Fate::Heir(heir) => drop(self.holds.insert(heir)),
                Fate::Lost(what) => {
                    let (what, nowhere) = self.asked.unwrap_or((what, false));
                    self.loss = self.loss.or(Some(Loss { what, reason: Reason::Window }));
                    self.confirmed |= self.asked.is_some();
                    self.lost_now = !nowhere;
                }
            }
        }
    }

    /// The whole event, from elsewhere than a round.
    pub(super) fn fetch(&mut self, fetched: Fetched) {
        let Fetched { meta, raw, .. } = fetched;
        self.told.clear();
        self.now = Some((meta, Layers::Whole { whole: Source::Inline(raw), patch: None }));
    }

    /// Lays an item of a round over what there is.
    pub(super) async fn upsert(&mut self, view: &dyn View, meta: Meta, form: Form, new: Source) -> Result<(), Error> {
        self.now = Some(match (self.now.take(), form) {
            (_, Form::Stub) => (meta, Layers::Stub { stub: new }),
            (Some((was, Layers::Whole { whole, patch })), _) => {
                let base = self.text(view, &meta.id, &whole, Place::Whole).await?;
                let raw = self.text(view, &meta.id, &new, Place::Whole).await?;
                if lacks(&raw, &base) {
                    let kept = match patch {
                        Some(patch) => Some((self.text(view, &meta.id, &patch, Place::Patch).await?, patch)),
                        None => None,
                    };
                    let (meta, patch) = patched(was, meta, Some(&base), kept, (&raw, new));
                    (meta, Layers::Whole { whole, patch })
                } else {
                    (meta, Layers::Whole { whole: new, patch: None })
                }
            }
            (_, Form::Full) => (meta, Layers::Whole { whole: new, patch: None }),
            (Some((was, Layers::Partial { patch })), Form::Sparse) => {
                let kept = self.text(view, &meta.id, &patch, Place::Patch).await?;
                let raw = self.text(view, &meta.id, &new, Place::Patch).await?;
                let (meta, merged) = patched(was, meta, None, Some((kept, patch)), (&raw, new.clone()));
                (meta, Layers::Partial { patch: merged.unwrap_or(new) })
            }
            (_, Form::Sparse) => (meta, Layers::Partial { patch: new }),
        });
        Ok(())
    }

    /// Whether there is a row after the run.
    pub(super) fn lives(&self, reading: Reading) -> bool {
        let kept = match self.loss {
            _ if !self.holds.is_empty() => true,
            Some(_) => self.named || self.waits(reading),
            None => !self.released,
        };
        self.now.is_some() && kept
    }

    /// Whether the row may yet be with a tile, although its last hold went.
    fn waits(&self, reading: Reading) -> bool {
        let may_be_elsewhere = match reading {
            Reading::Whole => false,
            Reading::SideBySide => self.lost_now,
            Reading::Partial => true,
        };
        self.before.is_some() && (self.kept || may_be_elsewhere)
    }

    /// Whether the row is there without any tile that holds it or held it.
    pub(super) fn is_fetched(&self) -> bool {
        self.now.is_some() && self.holds.is_empty() && self.loss.is_none()
    }

    /// Whether it is only known why its last hold went.
    pub(super) fn is_lost(&self) -> bool {
        self.now.is_some() && self.holds.is_empty() && self.loss.is_some()
    }

    /// What is known of the event now.
    pub(super) fn meta(&self) -> Option<&Meta> {
        self.now.as_ref().map(|(meta, _)| meta)
    }

    /// The series that the row belongs to now.
    pub(super) fn series(&self) -> Option<&Arc<str>> {
        self.now.as_ref()?.0.series.as_ref()
    }

    /// Compares the row with what it was.
    pub(super) async fn finish(mut self, view: &dyn View, id: &Arc<str>, reading: Reading) -> Result<Outcome, Error> {
        let lives = self.lives(reading);
        let Some((meta, layers)) = self.now.take().filter(|_| lives) else { return Ok(self.gone(id)) };
        let layers = self.keep_same(view, id, &meta, layers).await?;
        let unsettled = self.loss.filter(|_| self.holds.is_empty() && self.waits(reading));
        let row = Row { meta, holds: self.holds.iter().copied().collect(), layers, unsettled };
        let shows_the_same = self
            .before
            .as_ref()
            .is_some_and(|before| before.layers.shape() == row.layers.shape() && all_kept(&row.layers));
        let same = shows_the_same
            && self.before.as_ref().is_some_and(|before| {
                (&before.meta, &before.holds, &before.unsettled) == (&row.meta, &row.holds, &row.unsettled)
            });
        let was_member = self.before.as_ref().is_some_and(Row::is_member);
        let what = match (was_member, row.is_member()) {
            (false, true) => Some(What::Created),
            (true, true) if !shows_the_same => Some(What::Updated),
            _ => None,
        };
        let note = match self.loss.filter(|_| was_member && !row.is_member()) {
            Some(loss) => Some(self.note(id, loss.what, loss.reason, None)),
            None => what.map(|what| self.note(id, what, self.reason, Some(&row.meta))),
        };
        let (stale, unsettled) = (row.layers.is_stale(), row.unsettled.is_some());
        Ok(Outcome { change: (!same).then_some(RowChange::Put(row)), note, lives, stale, unsettled })
    }

    fn gone(&self, id: &Arc<str>) -> Outcome {
        let member = self.before.as_ref().is_some_and(Row::is_member);
        let loss = self.loss.filter(|_| member);
        let note = loss.map(|loss| Note { confirmed: self.confirmed, ..self.note(id, loss.what, loss.reason, None) });
        let change = self.before.as_ref().map(|_| RowChange::Gone(id.clone()));
        Outcome { change, note, lives: false, stale: false, unsettled: false }
    }

    fn note(&self, id: &Arc<str>, what: What, reason: Reason, after: Option<&Meta>) -> Note {
        let before = self.before.as_ref().map(|row| &row.meta);
        Note {
            id: id.clone(),
            what,
            kind: after.or(before).map_or(EventType::Other, |meta| meta.kind),
            etag_before: before.and_then(|meta| meta.etag.clone()),
            etag_after: after.and_then(|meta| meta.etag.clone()),
            reason,
            confirmed: false,
        }
    }

    /// Where a layer says the same as the one in its place before, keeps that one.
    async fn keep_same(
        &self,
        view: &dyn View,
        id: &Arc<str>,
        meta: &Meta,
        layers: Layers<Source>,
    ) -> Result<Layers<Source>, Error> {
        let Some(before) = self.before.as_ref().filter(|_| !all_kept(&layers)) else { return Ok(layers) };
        let same_etag = meta.etag.is_some() && meta.etag == before.meta.etag;
        if std::mem::discriminant(&before.layers) != std::mem::discriminant(&layers.shape()) {
            return Ok(layers);
        }
        Ok(match layers {
            Layers::Whole { whole, patch } => {
                let whole = self.keep_one(view, id, whole, Place::Whole, same_etag).await?;
                let patch = match patch {
                    Some(patch) => Some(self.keep_one(view, id, patch, Place::Patch, same_etag).await?),
                    None => None,
                };
                Layers::Whole { whole, patch }
            }
            Layers::Partial { patch } => {
                Layers::Partial { patch: self.keep_one(view, id, patch, Place::Patch, same_etag).await? }
            }
            Layers::Stub { stub } => {
                Layers::Stub { stub: self.keep_one(view, id, stub, Place::Stub, same_etag).await? }
            }
        })
    }

    /// The same bytes say the same. So does what differs in nothing but annotations, under the same etag: delta and plain
    /// listings annotate the same event in different ways.
    async fn keep_one(
        &self,
        view: &dyn View,
        id: &str,
        source: Source,
        place: Place,
        same_etag: bool,
    ) -> Result<Source, Error> {
        if source == Source::Keep {
            return Ok(source);
        }
        let stored = view.payload(id).await?;
        let Some(stored) = stored.as_ref().and_then(|layers| place.of(layers)) else { return Ok(source) };
        let new = self.text(view, id, &source, place).await?;
        let same = *stored == new || (same_etag && adds_nothing(&new, stored) && !lacks(&new, stored));
        Ok(if same { Source::Keep } else { source })
    }

    /// The text that a source stands for.
    async fn text(&self, view: &dyn View, id: &str, source: &Source, place: Place) -> Result<String, Error> {
        let text = match source {
            Source::Inline(text) => Some(text.clone()),
            Source::Staged(item) => view.staged_raw(*item).await?,
            Source::Keep => view.payload(id).await?.as_ref().and_then(|layers| place.of(layers)).cloned(),
        };
        text.ok_or(Error::Invalid("a row names a payload that is not there"))
    }
}

/// What becomes of a hold whose tile goes.
#[derive(Clone, Copy)]
pub(super) enum Fate {
    /// Another tile takes it over.
    Heir(TileId),
    /// It goes as well.
    Lost(What),
}

/// An incomplete item over what is there: what is known of the row then, and the patch over its complete payload.
fn patched(
    was: Meta,
    item: Meta,
    whole: Option<&str>,
    patch: Option<(String, Source)>,
    (raw, new): (&str, Source),
) -> (Meta, Option<Source>) {
    let shown = match (whole, &patch) {
        (Some(whole), Some((patch, _))) => merge(whole, patch),
        (Some(whole), None) => whole.to_owned(),
        (None, Some((patch, _))) => patch.clone(),
        (None, None) => String::new(),
    };
    if item.etag.is_some() && item.etag == was.etag && adds_nothing(raw, &shown) {
        return (was, patch.map(|(_, source)| source));
    }
    let meta = Meta {
        id: item.id,
        etag: item.etag.or(was.etag),
        kind: if item.kind == EventType::Other { was.kind } else { item.kind },
        series: item.series.or(was.series),
        start: item.start.or(was.start),
        end: item.end.or(was.end),
    };
    let patch = match patch.map(|(patch, _)| merge(&patch, raw)) {
        Some(merged) if merged != raw => Source::Inline(merged),
        _ => new,
    };
    (meta, Some(patch))
}

/// Whether all layers are those that were there.
fn all_kept(layers: &Layers<Source>) -> bool {
    let mut kept = true;
    let _ = layers.as_ref().map(|source| kept &= *source == Source::Keep);
    kept
}

/// Which layer.
#[derive(Clone, Copy)]
enum Place {
    Whole,
    Patch,
    Stub,
}

impl Place {
    fn of<P>(self, layers: &Layers<P>) -> Option<&P> {
        match (self, layers) {
            (Self::Whole, Layers::Whole { whole, .. }) => Some(whole),
            (Self::Patch, Layers::Whole { patch, .. }) => patch.as_ref(),
            (Self::Patch, Layers::Partial { patch }) => Some(patch),
            (Self::Stub, Layers::Stub { stub }) => Some(stub),
            _ => None,
        }
    }
}
