"""Plays an agent with the published client, unchanged: one step for each line that it reads, one line for each step."""

import json
import os
import sys

from the_handover import DecisionDenied, DecisionExpired, HandoverClient, HandoverError

origin = os.environ["HANDRAIL_ORIGIN"]
agent = HandoverClient(api_key=os.environ["AGENT_KEY"], base_url=origin)
app = HandoverClient(api_key=os.environ["APP_KEY"], base_url=origin + "/")


def say(**what):
    print(json.dumps(what), flush=True)


def announce(response):
    if response.request.method == "POST" and response.request.url.path == "/decisions":
        response.read()
        say(created=response.json())


# Only looks: the test has to know when the client has asked, to answer it.
agent._http.event_hooks["response"].append(announce)


def decision_of(decision):
    return {name: getattr(decision, name) for name in (
        "id", "action", "context", "urgency", "response_notes", "response_data", "resolved_by", "resolved_at",
        "created_at", "expires_at", "enforce", "action_permitted",
    )} | {"status": decision.status.value}


def approve(action, approver):
    try:
        say(approved=decision_of(agent.approve(action, approver, poll_interval=0.05, max_wait=60)))
    except DecisionDenied as denied:
        say(denied=decision_of(denied.decision))
    except DecisionExpired as expired:
        say(expired=decision_of(expired.decision))


def refused(call):
    try:
        call()
    except HandoverError as error:
        return say(refused=str(error))
    sys.exit("it was not refused")


for line in sys.stdin:
    step = json.loads(line)
    match step.pop("do"):
        case "create":
            agent.create(**step)
        case "get":
            say(got=decision_of(agent.get(step["id"])))
        case "resolve":
            say(resolved=decision_of(app.resolve(step.pop("id"), step.pop("action"), **step)))
        case "resolve as agent":
            refused(lambda: agent.resolve(step["id"], "approve"))
        case "get nothing":
            refused(lambda: agent.get("018f0000-0000-7000-8000-000000000000"))
        case "approve":
            approve(step["action"], step["approver"])
