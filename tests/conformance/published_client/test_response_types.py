"""Each way to ask beyond yes or no, as the client words it, and the answer as the client reads it."""

from datetime import datetime, timedelta, timezone

from the_handover import (
    ChooseResponse, ConfirmResponse, DecisionStatus, FileUploadResponse, HandoverError, NumberInputResponse,
    ScheduleResponse, TextInputResponse,
)

from desk import Desk, approve_works

FIELDS = [TextInputResponse.field("reason", "Why?", required=True, placeholder="In a few words"), TextInputResponse.field("note", "")]
NAMED = {"name": "scan.pdf", "url": "https://files.example/scan.pdf", "type": "application/pdf", "size": 1234}

# The question; an answer to it; what is no answer to it.
ASKED = [
    (ChooseResponse(["small", "Größe L"], label="Which size?"), {"chosen": "Größe L"}, {"chosen": "medium"}),
    (ChooseResponse(["a", "b"]), {"chosen": "b"}, {"chosen": 1}),
    (TextInputResponse(FIELDS), {"reason": "too\nsmall", "note": ""}, {"note": "no reason"}),
    (NumberInputResponse("How many?", min=1, max=20.5, placeholder="10"), {"value": 15}, {"value": 21}),
    (NumberInputResponse(min=0), {"value": 0.5}, {"value": "15"}),
    (FileUploadResponse("The scan", max_files=1, accept=["image/*", ".pdf"]), {"uploaded_files": [NAMED]}, {"uploaded_files": [NAMED] * 2}),
    (FileUploadResponse(), {"uploaded_files": [NAMED]}, {"uploaded_files": "scan.pdf"}),
]


class ResponseTypes(Desk):
    def refused(self, call, *arguments, **options):
        with self.assertRaisesRegex(HandoverError, "^API error 400: "):
            call(*arguments, **options)

    def test_each_question_takes_its_answer_and_no_other(self):
        for question, answer, wrong in ASKED:
            with self.subTest(question=question):
                id = self.ask(response_type=question)
                self.assertEqual(len(self.mails()), 1)
                self.refused(self.app.resolve, id, "approve", response_data=wrong)
                self.assertEqual(self.agent.get(id).status, DecisionStatus.PENDING)
                self.app.resolve(id, "approve", response_data=answer)
                decision = self.agent.get(id)
                self.assertTrue(decision.approved)
                self.assertEqual(decision.response_data, answer)
                for name, value in answer.items():
                    self.assertIs(type(decision.response_data[name]), type(value))

    def test_each_question_can_be_denied(self):
        for question, _, _ in ASKED:
            id = self.ask(response_type=question)
            self.assertTrue(self.app.resolve(id, "deny", notes="none of it").denied)
            self.assertIsNone(self.agent.get(id).response_data)

    def test_a_question_that_makes_no_sense_is_refused(self):
        for question in [
            ChooseResponse(["only one"]), ChooseResponse(["same", "same"]), ChooseResponse([]), TextInputResponse([]),
            TextInputResponse([FIELDS[0], FIELDS[0]]), NumberInputResponse(min=2, max=1), FileUploadResponse(max_files=6),
            FileUploadResponse(accept=["everything"]),
        ]:
            with self.subTest(question=question):
                self.refused(self.ask, response_type=question)

    def test_to_confirm_is_yes_or_no(self):
        id = self.ask(response_type=ConfirmResponse())
        self.refused(self.app.resolve, id, "modify", notes="half")
        self.tap("approve")
        decision = self.agent.get(id)
        self.assertTrue(decision.approved)
        self.assertIsNone(decision.response_data)
        id = self.ask(response_type=ConfirmResponse())
        self.tap("deny")
        self.assertTrue(self.agent.get(id).denied)

    def test_images_for_the_approver_come_back_and_are_limited(self):
        images = [f"https://pictures.example/{at}.png" for at in range(5)]
        id = self.ask(context_images=images)
        self.assertEqual(self.agent.get(id).context_images, images)
        self.assertIsNone(self.agent.get(self.ask()).context_images)
        self.refused(self.ask, context_images=images + ["https://pictures.example/6.png"])
        self.refused(self.ask, context_images=["javascript:alert(1)"])


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


class Schedule(Desk):
    def later(self, **time):
        """By the service's clock, which other tests may have moved ahead."""
        at = moment(self.now()) + timedelta(**time)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def scheduled(self, at, **fields):
        """By API: the client has no other place for the time than response_data."""
        id = self.ask(response_type=ScheduleResponse(), **fields)
        return self.app.resolve(id, "approve", response_data={"execute_at": at})

    def test_a_later_time_makes_it_scheduled(self):
        at = self.later(hours=3)
        decision = self.scheduled(at)
        self.assertTrue(decision.scheduled)
        self.assertEqual((decision.execute_at, decision.response_data), (at, None))
        # And so it stays.
        self.advance(minutes=24 * 60)
        self.assertTrue(self.agent.get(decision.id).scheduled)

    def test_now_makes_it_approved_unless_it_was_asked_for_later(self):
        id = self.ask(response_type=ScheduleResponse())
        decision = self.app.resolve(id, "approve")
        self.assertTrue(decision.approved)
        self.assertIsNone(decision.execute_at)
        self.assertTrue(self.scheduled(self.later(hours=-30 * 24)).approved)
        id = self.ask(response_type=ScheduleResponse("When?", allow_immediate=False))
        with self.assertRaisesRegex(HandoverError, "^API error 400: execute_at"):
            self.app.resolve(id, "approve")
        with self.assertRaisesRegex(HandoverError, "^API error 400: execute_at"):
            self.app.resolve(id, "approve", response_data={"execute_at": self.later(days=800)})
        self.assertEqual(self.agent.get(id).status, DecisionStatus.PENDING)

    def test_an_action_for_later_is_not_permitted_before_its_time(self):
        seconds = 2 * 60 * 60
        decision = self.scheduled(self.later(seconds=seconds), enforce=True)
        self.assertIs(decision.action_permitted, False)
        self.advance(seconds=seconds - 1)
        self.assertIs(self.agent.get(decision.id).action_permitted, False)
        self.advance(seconds=1)
        decision = self.agent.get(decision.id)
        self.assertEqual((decision.status, decision.action_permitted), (DecisionStatus.SCHEDULED, True))

    @approve_works
    def test_approve_sleeps_until_the_time_that_was_picked(self):
        ends = self.approving(response_type=ScheduleResponse())
        id = self.newest()
        self.slept.clear()
        at = self.later(hours=3)
        self.app.resolve(id, "approve", response_data={"execute_at": at})
        decision = ends.result()
        self.assertTrue(decision.scheduled)
        self.assertEqual(decision.execute_at, at)
        # By its own clock.
        asleep_until = datetime.now(timezone.utc) + timedelta(seconds=self.slept[-1])
        self.assertLess(abs(asleep_until - moment(at)), timedelta(minutes=1))
