"""Tests on a real Citus: one node that CITUS_URL names, which is coordinator and worker in one (docs/citus.md)."""

import os
from urllib.parse import urlsplit

from tests.support.databases import connected, on
from waiting_list.postgres.citus import distribute
from waiting_list.postgres.migrate import migrate

# A node that asks itself would answer in the same session. As from another machine, it gets the statements that a
# worker node gets.
_AS_BETWEEN_MACHINES = "citus.enable_local_execution = off"


OF_ONE_SERVER = {
    # They look at all tables, and so at the shards.
    "test_all_that_is_kept_of_a_person_is_exported_and_none_is_left_after_an_erasure",
    "test_every_column_is_on_the_page_about_personal_data_once",
    # They count the trips to one server.
    "test_a_batch_of_joins_purchases_or_leaves_takes_four_trips",
    # Their own statements are none that Citus runs: several lists locked at once, several commands in one text.
    "test_a_batch_reads_what_was_committed_while_it_waited_for_the_lock",
    "test_only_lists_that_ended_long_enough_ago_are_due",
    "test_the_audit_waits_for_no_lock_and_holds_none",
    "test_counting_waits_for_no_change_and_no_change_waits_for_counting",
    "test_the_migration_gives_scopes_to_keys_of_builds_that_had_none",
    "test_a_corruption_is_caught_by_its_name",
    "test_tickets_that_are_held_for_nobody_are_caught",
    "test_the_first_who_was_passed_over_often_enough_is_waited_for",
    "test_the_first_difference_is_the_earliest_change",
    "test_a_segment_in_which_nobody_waits_any_more_is_no_finding",
    "test_a_report_is_json",
    "test_a_finding_of_one_list_leaves_the_others_clean",
    "test_in_one_batch_a_place_given_up_frees_its_mailbox_for_whoever_comes_after",
    "test_the_database_defends_one_place_for_each_mailbox",
    "test_nothing_is_told_of_a_transaction_that_rolled_back",
    "test_a_snapshot_is_read_whole_after_another_history",
    "test_the_pace_counts_whose_turn_came_and_nothing_else",
    "test_a_crowd_that_asks_at_once_is_answered_by_one_look",
    "test_who_never_waited_says_nothing_of_how_fast_those_move_who_do",
    "test_a_pace_is_measured_from_the_first_fan_on",
    "test_only_two_weeks_count",
    "test_a_list_that_nobody_joined_has_no_pace_and_one_that_is_none_is_not_found",
}
"""Tests that say nothing of Citus."""


def on_citus() -> bool:
    """Whether the tests run on a Citus."""
    return "CITUS_URL" in os.environ


async def migrate_and_distribute(server: str, name: str) -> None:
    """Make an empty database a Citus cluster of one node, with the tables of the service distributed over it.

    Afterwards the database takes no connection, so that it can be copied: Citus connects to each by itself.
    """
    parts = urlsplit(server)
    async with connected(on(server, name)) as inside:
        await inside.execute("CREATE EXTENSION citus")
        await inside.fetchval("SELECT citus_set_coordinator_host($1, $2)", parts.hostname, parts.port or 5432)
        await inside.fetchval(
            "SELECT citus_set_node_property($1, $2, 'shouldhaveshards', true)", parts.hostname, parts.port or 5432
        )
    await migrate(on(server, name))
    await distribute(on(server, name), shards=4)
    async with connected(server) as administrator:
        await administrator.execute(f"ALTER DATABASE {name} SET {_AS_BETWEEN_MACHINES}")
        await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await administrator.fetch(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", name
        )
