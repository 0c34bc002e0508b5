//! What agents and people go through, over HTTP, one behaviour a file.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's own helpers fail the test")]

mod a_callback_can_be_verified;
mod a_callback_is_made_again;
mod a_callback_is_tried_four_times;
mod a_denial_reaches_the_agent;
mod a_key_asks_only_its_approvers;
mod a_key_has_a_budget;
mod a_key_is_asked_for;
mod a_key_is_changed;
mod a_kill_loses_nothing;
mod a_large_ask_is_kept_whole;
mod a_month_has_a_limit;
mod a_person_signs_in_by_mail;
mod a_question_can_be_taken_back;
mod a_repeated_answer_is_one_answer;
mod a_repeated_ask_is_one_ask;
mod a_revoked_key_stops_working;
mod a_tap_twice_is_one_answer;
mod a_wrong_link_opens_nothing;
mod an_account_sees_only_its_own;
mod an_agent_can_wait;
mod an_app_shows_the_question_itself;
mod an_approval_reaches_the_agent;
mod bad_input_changes_nothing;
mod decisions_are_listed_newest_first;
mod every_later_visitor_sees_the_outcome;
mod it_escalates_to_a_backup;
mod it_expires_at_its_deadline;
mod keys_are_made_and_listed;
mod looking_never_decides;
mod no_callback_goes_inside;
mod no_page_can_be_stored_framed_or_leaked;
mod no_text_becomes_markup;
mod of_twenty_answers_one_counts;
mod only_an_approval_permits_an_enforced_action;
mod only_what_was_offered_can_be_answered;
mod rules_answer_for_people;
mod slack_is_connected_by_an_admin;
mod the_local_pages_show_what_went_out;
mod to_modify_takes_notes_on_the_page;
mod what_is_no_form_decides_nothing;
mod what_is_not_there_is_refused_in_the_doors_words;
mod what_is_too_large_is_refused_in_words;
mod who_asks_must_not_answer;
