"""The client's helpers for agent frameworks. The frameworks are not here; what the helpers inherit from them is stood in for."""

import json
import sys
import types

from the_handover.integrations.openai import handle_handover_call, handover_tool_definition

from desk import Desk, approve_works


class Tool:
    """Takes its fields and keeps them, as the base classes of both frameworks do."""

    def __init__(self, **fields):
        vars(self).update(fields)


class ToolException(Exception):
    pass


def stand_in(name, **parts):
    module = types.ModuleType(name)
    vars(module).update(parts)
    sys.modules[name] = module


stand_in("crewai")
stand_in("crewai.tools", BaseTool=Tool)
stand_in("langchain_core")
stand_in("langchain_core.tools", BaseTool=Tool, ToolException=ToolException)
stand_in("langchain_core.callbacks", CallbackManagerForToolRun=object)
stand_in("pydantic", BaseModel=object, Field=lambda **_: None)

from the_handover.integrations.crewai import HandoverApprovalTool as CrewAiTool  # noqa: E402
from the_handover.integrations.langchain import HandoverApprovalTool as LangChainTool  # noqa: E402

ANSWERS = [("approve", "", "APPROVED by"), ("modify", "only half", "MODIFIED"), ("deny", "", "DENIED")]


@approve_works
class Helpers(Desk):
    def answered(self, call, *arguments, **options):
        """What the model is told, for each answer that a person can give, and for none."""
        for choice, notes, told in ANSWERS:
            ends = self.waiting(call, *arguments, client=self.agent, **options)
            self.tap(choice, notes=notes)
            yield told, notes, ends
        ends = self.waiting(call, *arguments, client=self.agent, **options)
        self.advance(minutes=60)
        yield "EXPIRED", "", ends

    def test_the_openai_helper_tells_the_model_what_was_answered(self):
        self.assertEqual(handover_tool_definition()["function"]["name"], "request_human_approval")
        arguments = json.dumps({"action": "Refund order 1234", "context": "Wrong size", "urgency": "high"})
        for told, notes, ends in self.answered(handle_handover_call, self.agent, arguments, self.ann):
            self.assertTrue(ends.result().startswith(told) and notes in ends.result(), ends.result())

    def test_the_crewai_tool_tells_the_agent_what_was_answered(self):
        tool = CrewAiTool(self.agent, self.ann)
        for told, notes, ends in self.answered(tool._run, "Refund order 1234", "Wrong size", "high"):
            self.assertTrue(ends.result().startswith(told) and notes in ends.result(), ends.result())

    def test_the_langchain_tool_tells_the_agent_what_was_answered(self):
        tool = LangChainTool(self.agent, self.ann)
        for told, notes, ends in self.answered(tool._run, "Refund order 1234"):
            if told in ("DENIED", "EXPIRED"):
                with self.assertRaisesRegex(ToolException, f"^{told}"):
                    ends.result()
            else:
                self.assertTrue(ends.result().startswith(told) and notes in ends.result(), ends.result())
