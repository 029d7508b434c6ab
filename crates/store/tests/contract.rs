//! What every store promises: each case runs on a fresh SQLite, Postgres and simulated store.

mod contract {
    pub(crate) mod build;
    pub(crate) mod defend;
    pub(crate) mod fault;
    pub(crate) mod outbox;
    pub(crate) mod read;
    pub(crate) mod respond;
    pub(crate) mod restart;
    pub(crate) mod server;
    pub(crate) mod storm;
    pub(crate) mod world;
    pub(crate) mod write;
}

use contract::world::{Kind, World};
use contract::{defend, fault, outbox, read, respond, restart, storm, write};

macro_rules! cases {
    ($($module:ident::$case:ident)*) => {
        cases!(@ sqlite, Sqlite, $($module::$case)*);
        cases!(@ postgres, Postgres, $($module::$case)*);
        cases!(@ sim, Sim, $($module::$case)*);
    };
    (@ $name:ident, $kind:ident, $($module:ident::$case:ident)*) => {
        mod $name {
            use super::*;
            $(
                #[tokio::test]
                async fn $case() {
                    let mut world = World::new(Kind::$kind).await;
                    $module::$case(&mut world).await;
                    world.finish().await;
                }
            )*
        }
    };
}

cases! {
    write::a_commit_is_whole_or_nothing
    write::the_head_moves_from_where_it_was
    write::writers_take_turns
    write::changes_must_lead_to_the_head
    write::positions_have_no_gap
    write::keys_are_found_and_replaced
    write::the_first_outcome_stays
    write::tenants_are_made_once
    read::every_row_comes_back_as_written
    read::lists_are_filtered_and_paged
    read::notifications_are_filtered_and_paged
    read::long_reads_page
    read::the_feed_pages_by_commit
    read::another_tenant_sees_nothing
    read::purges_forget_only_what_is_old
    defend::logs_refuse_changes
    defend::content_goes_only_through_the_door
    defend::unreadable_rows_are_named
    defend::the_wall_holds_below_the_store
    defend::statements_are_accepted
    outbox::claims_are_never_shared
    outbox::claims_take_a_few_of_each_lane
    outbox::deliveries_change_their_row
    outbox::a_new_edition_is_taken_like_a_first_message
    storm::the_past_of_storm_control_is_found_again
    storm::a_message_says_what_it_tells_of
    storm::what_is_told_elsewhere_moves_with_its_message
    respond::answers_come_back_with_their_notes
    respond::reviews_are_listed_in_their_order
    respond::overdue_reviews_are_few_and_the_longest_due
    respond::answer_times_are_those_of_the_window
    restart::what_was_committed_survives
    restart::a_read_given_up_leaves_nothing_open
    restart::a_second_process_is_refused
    restart::a_newer_schema_is_refused
    restart::a_full_disk_is_survived
    restart::the_ballast_comes_and_goes
    fault::drawn_faults_do_what_they_say
}
