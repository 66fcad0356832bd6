//! What every backend must do, as functions that panic if it does not.
//!
//! A backend runs all of them, each on an empty store of its own:
//!
//! ```
//! # fn main() {} // A doctest has no tests to run.
//! mod memory {
//!     store::store_conformance!(|| store::MemoryStore::new());
//! }
//! ```
//!
//! The functions need no runtime: [`block_on`] is enough for a store whose futures never wait for anything else.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod asking;
mod fixture;
mod lists;
mod meaning;
mod series;
mod tiles;
mod writing;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

pub use asking::*;
pub use fixture::{DAY, Fixture, event, full, instant, master, picture, removed, sparse, stub, tile, window};
pub use lists::*;
pub use meaning::*;
pub use series::*;
pub use tiles::*;
pub use writing::*;

/// Runs a future that never has to wait.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::yield_now();
    }
}

/// Expands to one test per function of [`conformance`](crate::conformance). The argument is called for each of them and
/// gives an empty store.
#[macro_export]
macro_rules! store_conformance {
    ($make:expr) => {
        $crate::store_conformance! { @tests $make;
            a_page_is_staged_once
            a_staged_page_is_not_visible
            a_page_out_of_order_is_refused
            a_round_can_be_taken_up_from_what_is_staged
            a_discarded_round_leaves_nothing
            a_run_appears_at_once
            a_conflicting_publish_changes_nothing
            another_identity_is_refused
            a_batch_that_contradicts_itself_changes_nothing
            a_view_does_not_change
            the_engine_finds_its_state_again
            unknown_fields_survive
            the_last_word_on_an_id_wins
            replays_change_nothing
            nothing_is_deleted_by_silence
            a_malformed_item_keeps_its_row
            a_malformed_item_makes_a_full_round_due
            an_item_that_nobody_can_name_stops_the_sweep
            a_resync_notes_only_true_changes
            an_incomplete_item_patches_its_row
            a_sparse_item_is_stale_until_it_is_fetched
            a_stub_replaces_what_was_there
            a_fetched_master_lives_while_it_is_named
            a_removal_takes_only_its_own_tiles_hold
            of_two_versions_the_one_staged_last_wins
            a_row_waits_for_the_tiles_that_failed
            what_moves_between_tiles_waits_for_the_next_run
            tiles_that_differ_about_an_event_leave_a_question
            a_silent_round_moves_the_cursor_and_nothing_else
            a_moved_window_is_not_a_deletion
            a_retired_tile_is_never_used_again
            a_blind_round_inherits_what_a_retired_tile_held
            a_malformed_item_takes_its_row_into_the_new_window
            a_new_start_without_a_window_is_not_a_deletion
            absence_in_a_listing_is_a_question
            a_listing_of_a_moved_window_asks_about_what_it_should_have_shown
            annotations_alone_are_no_change
            what_a_listing_was_asked_about_goes_confirmed
            a_master_that_was_not_understood_leaves_its_members_a_question
            members_of_a_removed_master_wait_for_its_answer
            an_item_that_was_fetched_is_no_reason_for_a_full_round
            the_last_page_that_tells_of_a_series_counts
            a_series_that_was_asked_about_has_the_members_that_are_there
            a_removed_master_stays_while_members_name_it
            rows_are_found_by_time
            lists_come_in_pages
        }
    };
    (@tests $make:expr; $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                let store = ($make)();
                $crate::conformance::block_on($crate::conformance::$name(&store));
            }
        )*
    };
}
