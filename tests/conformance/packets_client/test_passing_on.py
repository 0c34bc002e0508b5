"""create, get, claim, update, complete, chain, history and delete."""

from handoffrail.sdk import NotFoundError, PacketUpdate, ValidationError
from handoffrail.sdk.models import Actions, CompletedAction, Decision, HitlCheckpoint, PacketContext, PendingAction

from desk import NOBODY, Desk, chained, packet


class PassingOn(Desk):
    def test_everything_comes_back_as_it_was_handed_over(self):
        wanted = packet().build()
        made = self.client.create_packet(wanted)
        self.assertEqual((made.status, made.version, made.parent_packet_id), ("created", "1.0.0", None))
        for part in ("metadata", "context", "decisions", "actions", "dependencies", "hitl"):
            self.assertEqual(getattr(made, part), getattr(wanted, part), part)
        self.assertEqual(self.client.get_packet(made.id), made)
        self.assertEqual(self.client.get_packet(str(made.id).upper()), made)
        self.assertIsNotNone(made.created_at.tzinfo)

    def test_from_one_agent_to_the_next(self):
        made = self.made()
        claimed = self.claim(made.id, "billing-07")
        self.assertEqual(claimed.status, "claimed")
        target = claimed.metadata.target_agent
        self.assertEqual((target.id, target.name, target.framework), ("billing-07", "The billing-07", "crewai"))
        self.assertIsNotNone(claimed.metadata.claimed_at)
        working = self.client.update_packet(made.id, PacketUpdate(status="in_progress"))
        self.assertEqual(working.status, "in_progress")
        done = self.client.complete_packet(made.id)
        self.assertEqual(done.status, "completed")
        self.assertIsNotNone(done.metadata.completed_at)
        again = self.client.complete_packet(made.id)
        self.assertEqual((again.status, again.metadata.completed_at), ("completed", done.metadata.completed_at))
        history = self.client.get_history(made.id)
        told = [(event.event_type, event.actor) for event in history.events]
        self.assertEqual(told, [
            ("created", "agent:sales-01"),
            ("claimed", "agent:billing-07"),
            ("in_progress", "agent:billing-07"),
            ("completed", "agent:billing-07"),
        ])
        self.assertEqual(history.packet_id, str(made.id))
        self.assertEqual(len({event.id for event in history.events}), 4)
        self.assertEqual(history.events[1].details, {"agent_name": "The billing-07", "framework": "crewai"})
        self.assertEqual(history.events[3].details, {"from_status": "in_progress", "to_status": "completed"})

    def test_a_claimed_packet_may_be_completed_at_once(self):
        made = self.made()
        self.claim(made.id)
        self.assertEqual(self.client.complete_packet(made.id).status, "completed")

    def test_an_unclaimed_packet_is_not_completed(self):
        with self.assertRaises(ValidationError) as refused:
            self.client.complete_packet(self.made().id)
        self.assertEqual(refused.exception.status_code, 400)
        self.assertIn("Cannot transition from 'created' to 'completed'", refused.exception.message)

    def test_what_is_patched_is_merged(self):
        made = self.made()
        update = PacketUpdate(
            decisions=[
                Decision(id="d1", decision="Wait", rationale="The card expired"),
                Decision(id="d2", decision="Call them", rationale="They are fast"),
            ],
            actions=Actions(
                pending=[PendingAction(id="a2", description="Call", assignee="billing-01")],
                completed=[CompletedAction(id="a1", description="Take the payment", result="declined")],
            ),
            context=PacketContext(summary="The card expired"),
            dependencies=[],
        )
        patched = self.client.update_packet(made.id, update)
        self.assertEqual([decision.decision for decision in patched.decisions], ["Wait", "Call them"])
        self.assertEqual(patched.actions, update.actions)
        self.assertEqual(patched.context, update.context)
        self.assertEqual(patched.dependencies, [])
        self.assertEqual((patched.status, patched.metadata), ("created", made.metadata))
        self.assertEqual(self.client.get_packet(made.id), patched)
        # Nothing was moved: nothing is told.
        self.assertEqual(len(self.client.get_history(made.id).events), 1)

    def test_a_packet_leads_to_the_next(self):
        parent = self.made()
        child = self.client.chain_handoff(parent.id, chained("Tell them").build())
        self.assertEqual((child.parent_packet_id, child.status), (parent.id, "created"))
        said = [turn.content for turn in child.context.conversation_state]
        self.assertEqual(said, ["I want to upgrade", "Gladly.", "Paid."])
        self.assertEqual((child.context.artifacts, child.decisions), ([], []))
        self.assertEqual(self.client.get_packet(parent.id).status, "created")
        of_the_parent = self.client.get_history(parent.id).events[-1]
        self.assertEqual((of_the_parent.event_type, of_the_parent.actor), ("chained", "agent:billing-01"))
        self.assertEqual(of_the_parent.details, {"child_packet_id": str(child.id)})
        of_the_child = self.client.get_history(child.id).events[0]
        self.assertEqual(of_the_child.details, {"parent_packet_id": str(parent.id), "chain": True})
        with self.assertRaises(NotFoundError):
            self.client.chain_handoff(NOBODY, chained("Tell nobody").build())

    def test_a_packet_is_taken_away_once(self):
        made = self.made()
        self.assertIsNone(self.client.delete_packet(made.id))
        self.assertEqual(self.client.get_packet(made.id).status, "expired")
        with self.assertRaises(ValidationError) as again:
            self.client.delete_packet(made.id)
        self.assertEqual(again.exception.status_code, 409)
        self.assertIn("is already expired", again.exception.message)
        with self.assertRaises(NotFoundError) as late:
            self.claim(made.id)
        self.assertEqual(late.exception.status_code, 410)
        self.assertIn("has expired", late.exception.message)

    def test_a_day_later_it_has_expired(self):
        made = self.made()
        self.claim(made.id)
        self.advance(24 * 60 * 60)
        self.assertEqual(self.client.get_packet(made.id).status, "expired")
        last = self.client.get_history(made.id).events[-1]
        self.assertEqual((last.event_type, last.actor), ("expired", "system:expiry_task"))
        self.assertEqual(last.details, {"previous_status": "claimed", "reason": "ttl_exceeded"})

    def test_a_person_answers_at_a_checkpoint(self):
        made = self.made(reason="Large sum", question="Really?", options=["yes", "no"], timeout_seconds=600)
        self.assertEqual(made.status, "awaiting_human")
        self.assertIn(made.id, [waiting.id for waiting in self.client.get_awaiting(limit=200).packets])
        with self.assertRaises(ValidationError):
            self.claim(made.id)
        answered = self.client.respond_to_hitl(made.id, response="yes, but half", responded_by="ann", notes="as agreed")
        self.assertEqual(answered.status, "claimed")
        hitl = answered.hitl
        self.assertEqual((hitl.response, hitl.responded_by, hitl.notes), ("yes, but half", "ann", "as agreed"))
        self.assertIsNotNone(hitl.responded_at)
        self.assertIsNotNone(answered.metadata.claimed_at)
        self.assertEqual(answered.metadata.target_agent, made.metadata.target_agent)
        last = self.client.get_history(made.id).events[-1]
        self.assertEqual((last.event_type, last.actor), ("hitl_responded", "human:ann"))
        told = {"response": "yes, but half", "notes": "as agreed", "transition_to": "claimed"}
        self.assertEqual({name: last.details[name] for name in told}, told)
        # Handrail adds how the answer was given.
        self.assertEqual((last.details["resolved_via"], last.details["answered_by_asker"]), ("api", True))
        with self.assertRaises(ValidationError) as again:
            self.client.respond_to_hitl(made.id, response="no", responded_by="bob")
        self.assertEqual(again.exception.status_code, 409)
        self.assertIn("not 'awaiting_human'. Cannot respond.", again.exception.message)

    def test_a_checkpoint_is_raised_during_the_work_and_times_out(self):
        made = self.made()
        self.claim(made.id)
        checkpoint = HitlCheckpoint(reason="Above the limit", timeout_seconds=60)
        waiting = self.client.update_packet(made.id, PacketUpdate(status="awaiting_human", hitl=checkpoint))
        self.assertEqual((waiting.status, waiting.hitl), ("awaiting_human", checkpoint))
        self.advance(60)
        self.assertEqual(self.client.get_packet(made.id).status, "expired")
        with self.assertRaises(NotFoundError) as late:
            self.client.respond_to_hitl(made.id, response="yes", responded_by="ann")
        self.assertEqual(late.exception.status_code, 410)
